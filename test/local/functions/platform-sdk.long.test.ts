import { appendFile, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writePlatformSdk } from '../../../lib/local/functions/platform-sdk.ts';
import { PROJECT_ROOT } from '../../support/project.ts';

const SDK = 'node_modules/@larksuiteoapi/node-sdk';
const CACHE = 'node_modules/.cache/feishu-events/platform-sdk';
const MARK = '// stored\n';

const DEPENDENCIES = ['axios', 'lodash.identity', 'lodash.merge', 'lodash.pickby', 'protobufjs', 'qs', 'ws'];

let root: string;
let outputs = 0;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'feishu-events-sdk-'));
  await mkdir(path.join(root, 'node_modules/@larksuiteoapi'), { recursive: true });
  for (const file of ['package.json', 'es']) {
    await cp(path.join(PROJECT_ROOT, SDK, file), path.join(root, SDK, file), { recursive: true });
  }
  // esbuild reads the package at its own path, and therefore its dependencies in this project.
  for (const name of DEPENDENCIES) {
    await symlink(path.join(PROJECT_ROOT, 'node_modules', name), path.join(root, 'node_modules', name));
  }
});
afterEach(() => rm(root, { recursive: true }));

/** Writes the SDK into a new folder, and returns the code of its client. */
async function writtenSdk(): Promise<string> {
  const outdir = path.join(root, `bundles-${outputs++}`);
  await writePlatformSdk(root, outdir);
  const [client, service] = ['index.js', 'services/im.js'].map((file) =>
    readFile(path.join(outdir, SDK, file), 'utf8'),
  );
  expect(await service).toContain('/open-apis/im/v1/messages');
  return client as Promise<string>;
}

const changes: Record<string, () => Promise<void>> = {
  'one of its files has changed': () => appendFile(path.join(root, SDK, 'es/index.js'), '// changed\n'),
  'packages were installed': () => writeFile(path.join(root, 'node_modules/.package-lock.json'), '{}'),
  'the stored list of sources is damaged': () => writeFile(path.join(root, CACHE, 'sources.json'), '{'),
  'the stored files are gone': () => rm(path.join(root, CACHE), { recursive: true }),
};

test('the SDK is built once', async () => {
  const built = await writtenSdk();
  expect(built).toContain('createLarkChannel');
  await appendFile(path.join(root, CACHE, 'index.js'), MARK);
  expect(await writtenSdk()).toBe(built + MARK);
});

test.each(Object.entries(changes))('the SDK is built again if %s', async (_, change) => {
  await writtenSdk();
  await appendFile(path.join(root, CACHE, 'index.js'), MARK);
  await change();
  expect(await writtenSdk()).not.toContain(MARK);
  await appendFile(path.join(root, CACHE, 'index.js'), MARK);
  expect(await writtenSdk()).toContain(MARK);
});

test('the SDK is built each time if it cannot be stored', async () => {
  await writeFile(path.join(root, 'node_modules/.cache'), 'not a folder');
  expect(await writtenSdk()).toBe(await writtenSdk());
});
