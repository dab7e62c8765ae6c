import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { writeRequest } from '../../lib/feishu/request.ts';
import type { Stack } from '../../lib/local/stack.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { deliver } from '../support/deliver.ts';
import { startLocalStack } from '../support/local-stack.ts';
import { createProject } from '../support/project.ts';
import { encryptKey, verificationToken as token } from '../support/secrets.ts';
import { wait } from '../support/wait.ts';

const HANDLER = `import { Continue, Drop, onEvent } from '#feishu-events';
import { chatState } from '#feishu-events/state';

export default onEvent('im.message.receive_v1', async (event, context) => {
  const state = chatState<number>(event, context);
  const { value = 0, version } = await state.get();
  await state.set(value + 1, { ifVersion: version });
  if (context.continued === undefined) throw new Continue('first half');
  throw new Drop(\`\${context.continued.state}, \${value + 1}\`);
});`;

describe('Under npm start', () => {
  let services: AsyncDisposableStack;
  let stack: Stack;

  beforeAll(async () => {
    services = new AsyncDisposableStack();
    const project = services.use(await createProject());
    await project.writeHandler('v2/im.message.receive_v1.ts', HANDLER);
    stack = await startLocalStack({ root: project.root });
    services.defer(() => stack.stop());
  });
  afterAll(() => services.disposeAsync());

  it('events continue, and their handlers share the state of their chat', async () => {
    const send = async () => {
      const event = textMessage('Hello');
      event.message.chat_id = 'oc_1';
      const text = createSample('im.message.receive_v1', { version: '2.0', token, event });
      return (await deliver(stack.webhookUrl, writeRequest(text, { encryptKey }, Date.now()))).status;
    };
    const reasons = () => stack.events().map(({ lastError }) => lastError);
    expect(await send()).toBe(200);
    await vi.waitFor(() => expect(reasons()).toEqual(['first half, 2']), wait);
    expect(await send()).toBe(200);
    await vi.waitFor(() => expect(reasons()).toEqual(['first half, 2', 'first half, 4']), wait);
    expect(stack.events()[0]).toMatchObject({ status: 'dropped', attempts: 1 });
  });
});
