import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { expect, it, onTestFinished, vi } from 'vitest';
import { platformSdkBundle, workerBundle } from '../../lib/build/bundle.ts';
import { PlatformApi } from '../support/platform-api.ts';
import { createProject, PROJECT_ROOT } from '../support/project.ts';
import { wait } from '../support/wait.ts';

const HELPER = 'export const answer = ({ feishu }: any) => feishu.request({});';

it.each([
  ['uses `feishu`', 'async (_, { feishu }) => void feishu.request({})', '', true],
  [
    'imports a module that uses `feishu`',
    '(_, context) => answer(context)',
    "import { answer } from '../../helper.ts';",
    true,
  ],
  [
    'imports `readMessage`',
    '(event, context) => void readMessage(event, context).reply("")',
    "import { readMessage } from '#feishu-events/messages';",
    true,
  ],
  ['imports the official SDK', '() => void new Client({})', "import { Client } from '@larksuiteoapi/node-sdk';", true],
  [
    'only mentions them',
    "(_, { log }) => log.info('https://open.feishu.cn') /* context.feishu */",
    "import type { Client } from '@larksuiteoapi/node-sdk';",
    false,
  ],
])('a worker whose handler %s is built accordingly', async (_, handle, imports, isUse) => {
  await using project = await createProject();
  await writeFile(path.join(project.root, 'functions/helper.ts'), HELPER);
  await project.writeHandler(
    'v2/im.message.receive_v1.ts',
    `import { onEvent } from '#feishu-events';\n${imports}\nexport default onEvent('im.message.receive_v1', ${handle});`,
  );
  const { outputFiles } = await build({ ...workerBundle(project.root, tmpdir()), minify: false, write: false });
  const [code] = outputFiles.filter(({ path: file }) => file.endsWith('worker.mjs'));
  expect(/USES_CLIENT = (\w+)/.exec(code?.text ?? '')?.[1]).toBe(`${isUse}`);
});

it('the bundle of a worker with such a handler loads the SDK and fetches the token while it starts', async () => {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-client-use-'));
  // Its sample handler replies to messages.
  await build(workerBundle(PROJECT_ROOT, folder.path));
  await build(platformSdkBundle(PROJECT_ROOT, folder.path, { isWhole: false }));
  await using platform = await PlatformApi.start();
  // Nothing listens there.
  const origin = 'http://127.0.0.1:1';
  const endpoints = { AWS_ENDPOINT_URL_SQS: origin, AWS_ENDPOINT_URL_DYNAMODB: origin };
  const variables = { ...endpoints, QUEUE_URL: `${origin}/000000000000/events`, CLAIMS_TABLE: 'events' };
  const credentials = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
  for (const [name, value] of Object.entries({ ...platform.environment, ...variables, ...credentials })) {
    vi.stubEnv(name, value);
  }
  onTestFinished(() => void vi.unstubAllEnvs());
  await import(pathToFileURL(path.join(folder.path, 'worker.mjs')).href);
  await vi.waitFor(() => expect(platform.calls).toEqual(['/open-apis/auth/v3/tenant_access_token/internal']), wait);
});
