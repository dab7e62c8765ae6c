import { expect, it } from 'vitest';
import { samplePayload } from '#feishu-events/samples';
import { run } from '#feishu-events/testing';
import handler from '../../../functions/handlers/v1/message.ts';

it('logs the chat of a message, but not its text', async () => {
  const event = samplePayload('message');
  const { outcome, log } = await run(handler, event);
  expect(outcome).toBe('handled');
  expect(log).toEqual([
    { level: 'info', message: 'Received a message', fields: { chat: event.open_chat_id, kind: 'text' } },
  ]);
});
