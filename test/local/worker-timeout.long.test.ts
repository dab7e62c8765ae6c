import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { writeRequest } from '../../lib/feishu/request.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { deliver } from '../support/deliver.ts';
import { startLocalStack } from '../support/local-stack.ts';
import { createProject } from '../support/project.ts';
import { encryptKey, verificationToken as token } from '../support/secrets.ts';
import { wait } from '../support/wait.ts';

const HANDLER = `import { onEventV1 } from '#feishu-events';
export default onEventV1('message', async (_, { log }) => {
  log.info('started');
  await new Promise(() => {});
});`;

// Long enough for a slow machine to call the handler in time.
it("npm start applies the worker's timeout in extensions.yml", async () => {
  await using project = await createProject();
  await writeFile(path.join(project.root, 'extensions.yml'), 'params: { default: { workerTimeout: 30 } }\n');
  await project.writeHandler('v1/message.ts', HANDLER);
  const lines: string[] = [];
  const stack = await startLocalStack({ onLine: (line) => lines.push(line), root: project.root });
  try {
    const text = createSample('message', { version: '1.0', token });
    await deliver(stack.webhookUrl, writeRequest(text, { encryptKey }, Date.now()));
    await vi.waitFor(() => expect(stack.events()[0]?.status).toBe('retrying'), wait);
    expect(lines.join()).toContain('started');
  } finally {
    await stack.stop();
  }
});
