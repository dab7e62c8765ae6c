import { writeRequest } from '../../lib/feishu/request.ts';
import type { Stack } from '../../lib/local/stack.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { deliver } from '../support/deliver.ts';
import { startLocalStack } from '../support/local-stack.ts';
import { createProject, type TemporaryProject } from '../support/project.ts';
import { encryptKey, verificationToken as token } from '../support/secrets.ts';
import { recordOutput } from '../support/written-output.ts';

/** The event type of the handler that the tests change. */
export const TYPE = 'im.chat.disbanded_v1';

/** A local stack that watches the sources of a temporary project. */
export interface ChangingStack extends AsyncDisposable, Pick<TemporaryProject, 'writeHandler'> {
  stack: Stack;
  notices: string[];
  lines: string[];
}

export const send = (stack: Stack, text: string) =>
  deliver(stack.webhookUrl, writeRequest(text, { encryptKey }, Date.now()));

export const sample = (type: string, version: '1.0' | '2.0' = '2.0') => createSample(type, { version, token });

/** Returns the source of a handler for {@link TYPE}. */
export function handlerThatLogs(message: string, before = ''): string {
  return `import { onEvent, RetryAfter, Drop } from '#feishu-events';
      export default onEvent('${TYPE}', async (event, { log }) => { ${before} log.info('${message}'); });`;
}

export async function startChangingStack(): Promise<ChangingStack> {
  await using parts = new AsyncDisposableStack();
  const project = parts.use(await createProject());
  await project.writeHandler(`v2/${TYPE}.ts`, handlerThatLogs('the first version'));
  const notices: string[] = [];
  const lines: string[] = [];
  const stack = await startLocalStack({
    root: project.root,
    watch: true,
    onNotice: (text) => notices.push(text),
    onLine(line) {
      lines.push(line);
      recordOutput(`${line}\n`);
    },
  });
  parts.defer(() => stack.stop());
  const resources = parts.move();
  return {
    stack,
    notices,
    lines,
    writeHandler: project.writeHandler,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
