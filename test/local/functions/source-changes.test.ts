import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SourceChanges } from '../../../lib/local/functions/source-changes.ts';

let root: string;
let changes: SourceChanges;
const webhook = {};
const worker = {};
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'source-changes-'));
  changes = new SourceChanges(root);
  await write('webhook.ts', "import './shared.ts';");
  await write('worker.ts', "import './shared.ts'; import 'a-package'; import 'node:fs';");
  await write('shared.ts', 'console.log(1);');
  await write('node_modules/a-package/index.js', "require('./other.js');");
  await write('node_modules/a-package/other.js', '');
  expect(await take(webhook, 'webhook.ts')).toEqual([]);
  expect(await take(worker, 'worker.ts')).toEqual([]);
});
afterEach(() => rm(root, { recursive: true }));

let lastVersion = 0;
/** Sets the modification time too: two files that are written one after the other may have the same. */
async function write(name: string, source: string): Promise<void> {
  const file = path.join(root, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, source);
  lastVersion += 1;
  await utimes(file, lastVersion, lastVersion);
}

async function take(bundle: object, entry: string): Promise<string[]> {
  const options = { absWorkingDir: root, bundle: true, platform: 'node', write: false, logLevel: 'silent' } as const;
  const { metafile } = await build({ ...options, entryPoints: [entry], metafile: true });
  return changes.take(bundle, metafile);
}

describe('A changed source', () => {
  it('is found by only one of the bundles that contain it', async () => {
    await write('shared.ts', 'console.log(2);');
    expect(await take(worker, 'worker.ts')).toEqual(['shared.ts']);
    expect(await take(webhook, 'webhook.ts')).toEqual([]);
    expect(await take(worker, 'worker.ts')).toEqual([]);
  });

  it('is found if it is new or was removed', async () => {
    await write('shared.ts', "import './new.ts';");
    await write('new.ts', 'console.log(3);');
    expect((await take(webhook, 'webhook.ts')).toSorted()).toEqual(['new.ts', 'shared.ts']);
    await write('shared.ts', '');
    await rm(path.join(root, 'new.ts'));
    expect((await take(webhook, 'webhook.ts')).toSorted()).toEqual(['new.ts', 'shared.ts']);
    expect(await take(worker, 'worker.ts')).toEqual([]);
  });

  it('is named by its package', async () => {
    await write('node_modules/a-package/index.js', "require('./other.js'); 1;");
    await write('node_modules/a-package/other.js', '2;');
    expect(await take(worker, 'worker.ts')).toEqual(['node_modules/a-package']);
  });
});
