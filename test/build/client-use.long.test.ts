import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { workerBundle } from '../../lib/build/bundle.ts';
import { createProject } from '../support/project.ts';

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
