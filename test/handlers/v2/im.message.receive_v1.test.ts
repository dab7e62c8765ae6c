import { describe, expect, it } from 'vitest';
import { samplePayload, textMessage } from '#feishu-events/samples';
import { run } from '#feishu-events/testing';
import handler from '../../../functions/handlers/v2/im.message.receive_v1.ts';

describe('im.message.receive_v1', () => {
  it('replies to a text message with the same text, once even if it is retried', async () => {
    const event = textMessage('Hello, 世界 👋');
    const first = await run(handler, event);
    const second = await run(handler, event, { attempt: 2 });
    expect(first).toMatchObject({ outcome: 'handled' });
    expect(first.calls).toEqual([
      {
        name: 'im.message.reply',
        payload: {
          path: { message_id: event.message.message_id },
          data: { msg_type: 'text', content: '{"text":"Hello, 世界 👋"}', uuid: first.uuids.echo },
        },
      },
    ]);
    expect(second.uuids).toEqual(first.uuids);
  });

  it('drops a message of another type', async () => {
    const result = await run(handler, samplePayload('im.message.receive_v1', 'image'));
    expect(result).toMatchObject({ outcome: 'dropped', reason: expect.stringContaining('image'), calls: [] });
  });

  it('is retried if the platform cannot be reached', async () => {
    const reply = () => {
      throw new Error('connect ETIMEDOUT');
    };
    const result = await run(handler, textMessage('Hello'), { feishu: { im: { message: { reply } } } });
    expect(result).toMatchObject({ outcome: 'retrying', error: { message: 'connect ETIMEDOUT' } });
  });
});
