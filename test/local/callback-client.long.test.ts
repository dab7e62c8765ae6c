import { writeFile } from 'node:fs/promises';
import inspector from 'node:inspector';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { writeRequest } from '../../lib/feishu/request.ts';
import type { ApiCall } from '../../lib/mock-platform/mock-platform.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { deliver } from '../support/deliver.ts';
import { startLocalStack } from '../support/local-stack.ts';
import { createProject } from '../support/project.ts';
import { encryptKey, verificationToken as token } from '../support/secrets.ts';
import { wait } from '../support/wait.ts';

/** Sends a message with the same label from the callback handler and from the event handler of the callback. */
const sendFrom = (name: string, options: string) => `async (_, { feishu, uuid }) => {
  const data = { receive_id: 'oc_${name}', msg_type: 'text', content: '{"text":"Hello"}', uuid: uuid('note') };
  await feishu.im.message.create({ params: { receive_id_type: 'chat_id' }, data });
  return ${options};
}`;

beforeAll(() => {
  // Under a debugger nothing has a time limit, so that a slow machine does not fail a callback.
  inspector.open(0, '127.0.0.1');
});
afterAll(() => inspector.close());

it('npm start gives the client to callback handlers of a project that enables it', async () => {
  await using project = await createProject();
  await writeFile(path.join(project.root, 'extensions.yml'), 'callbacks: { feishu: true }\n');
  await project.writeHandler(
    'callbacks/card.action.trigger.ts',
    `import { onCallback } from '#feishu-events';
     export default onCallback('card.action.trigger', ${sendFrom('callback', "{ toast: { content: 'Sent' } }")});`,
  );
  await project.writeHandler(
    'fallback.ts',
    `import { onUnhandledEvent } from '#feishu-events';
     export default onUnhandledEvent(${sendFrom('event', 'undefined')});`,
  );
  const calls: ApiCall[] = [];
  const stack = await startLocalStack({ root: project.root, onApiCall: (call) => calls.push(call) });
  try {
    const text = createSample('card.action.trigger', { version: '2.0', token });
    const { body } = await deliver(stack.webhookUrl, writeRequest(text, { encryptKey }, Date.now()));
    expect(JSON.parse(body)).toEqual({ toast: { content: 'Sent' } });
    await vi.waitFor(() => expect(calls).toHaveLength(2), wait);
  } finally {
    await stack.stop();
  }
  const sent = calls.map(({ body }) => JSON.parse(body));
  expect(sent.map(({ receive_id }) => receive_id).toSorted()).toEqual(['oc_callback', 'oc_event']);
  // If both send the same message, the platform sends it once.
  expect(sent[0].uuid).toBe(sent[1].uuid);
});
