import { describe, expect, it } from 'vitest';
import { onEvent } from '../../lib/handler.ts';
import { FeishuApiError, type Reply, readMessage, updateCard } from '../../lib/messages/message.ts';
import { MESSAGES } from '../../lib/samples/messages.ts';
import type { FeishuCall } from '../../lib/testing/fake-client.ts';
import { type EventRunOptions, run } from '../../lib/testing/run.ts';

const SENT = { code: 0, data: { message_id: 'om_sent' } };

/** Runs a handler that replies to a message. */
async function reply(send: (reply: Reply) => unknown, payload = MESSAGES.text(), options: EventRunOptions = {}) {
  let value: unknown;
  const handler = onEvent('im.message.receive_v1', async (event, context) => {
    value = await send(readMessage(event, context).reply);
  });
  const feishu = { im: { message: { reply: () => SENT, patch: () => ({ code: 0 }) } } };
  return { ...(await run(handler, payload, { feishu, ...options })), value };
}

const dataOf = (calls: FeishuCall[]) => calls.map(({ payload }) => (payload as { data: Record<string, string> }).data);
const contentsOf = (calls: FeishuCall[]) => dataOf(calls).map(({ content = '' }) => JSON.parse(content));

describe('A reply', () => {
  it('is text, Markdown or a card', async () => {
    const payload = MESSAGES.text();
    const { calls, value } = await reply(async (to) => {
      const card = await to.card({ schema: '2.0' });
      return [await to.text('Hello'), await to.markdown('**Hello**'), card.id];
    }, payload);
    expect(value).toEqual([[{ id: 'om_sent' }], [{ id: 'om_sent' }], 'om_sent']);
    expect(calls.map(({ name, payload }) => [name, (payload as { path: object }).path])).toEqual(
      Array(3).fill(['im.message.reply', { message_id: payload.message.message_id }]),
    );
    expect(dataOf(calls).map(({ msg_type: type }) => type)).toEqual(['interactive', 'text', 'post']);
    expect(contentsOf(calls)).toEqual([
      { schema: '2.0' },
      { text: 'Hello' },
      { zh_cn: { content: [[{ tag: 'md', text: '**Hello**' }]] } },
    ]);
  });

  it('has the same ids in each attempt, and others for each message', async () => {
    const payload = MESSAGES.text();
    const send = async (to: Reply) => {
      await to.text('a'.repeat(300_000));
      await to.card({});
    };
    const ids = async (attempt: number) =>
      dataOf((await reply(send, payload, { attempt })).calls).map(({ uuid }) => uuid);
    const first = await ids(1);
    expect(new Set(first).size).toBe(4);
    expect(await ids(2)).toEqual(first);
  });

  it('has other ids after each Continue, because it is another message', async () => {
    const payload = MESSAGES.text();
    const send = (to: Reply) => to.text('Done');
    const idAfter = async (options: EventRunOptions) => dataOf((await reply(send, payload, options)).calls)[0]?.uuid;
    const ids = [
      await idAfter({}),
      await idAfter({ continued: { state: 1, count: 1 } }),
      await idAfter({ continued: { state: 1, count: 2 } }),
    ];
    expect(new Set(ids).size).toBe(3);
    expect(await idAfter({ continued: { state: 1, count: 2 }, attempt: 3 })).toBe(ids[2]);
  });

  it('stays in the topic of the message', async () => {
    const inTopic = await reply((to) => to.text('Hello'), MESSAGES.reply());
    expect(dataOf(inTopic.calls)).toMatchObject([{ reply_in_thread: true }]);
    const inChat = await reply((to) => to.text('Hello'));
    expect(dataOf(inChat.calls)[0]).not.toHaveProperty('reply_in_thread');
  });

  it('is split if it exceeds the limit of the platform', async () => {
    const text = '世界 '.repeat(60_000).trim();
    const { calls } = await reply((to) => to.text(text));
    const sizes = dataOf(calls).map(({ content = '' }) => Buffer.byteLength(content));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(150_000);
    expect(
      contentsOf(calls)
        .map((content) => content.text)
        .join(' '),
    ).toBe(text);

    const post = await reply((to) => to.markdown(`\`\`\`ts\n${'const a = 1;\n'.repeat(5000)}\`\`\``));
    expect(Math.max(...dataOf(post.calls).map(({ content = '' }) => Buffer.byteLength(content)))).toBeLessThanOrEqual(
      30_000,
    );
  });

  it('that is empty is rejected, because the platform rejects it', async () => {
    const { outcome, calls } = await reply((to) => to.text(' \n'));
    expect(outcome).toBe('retrying');
    expect(calls).toEqual([]);
  });

  it('with a card over 30 KB is rejected with its size', async () => {
    const result = await reply((to) => to.card({ text: '界'.repeat(10_000) }));
    expect(result).toMatchObject({ error: { message: expect.stringContaining('30011 bytes') }, calls: [] });
  });

  it('can be a card that is updated', async () => {
    const { calls } = await reply(async (to) => {
      const card = await to.card({ step: 1 });
      await card.update({ step: 2 });
    });
    expect(calls[1]).toEqual({
      name: 'im.message.patch',
      payload: { path: { message_id: 'om_sent' }, data: { content: '{"step":2}' } },
    });
  });

  it.each([
    ['a response with a code', () => ({ code: 230002, msg: 'Bot is out of the chat' })],
    [
      'a response with another status',
      () => {
        throw Object.assign(new Error('Request failed with status code 400'), {
          response: { status: 400, data: { code: 230002, msg: 'Bot is out of the chat' } },
          config: { headers: { authorization: 'Bearer t-secret' } },
        });
      },
    ],
  ])('fails with advice after %s', async (_, respond) => {
    const result = await reply((to) => to.text('Hello'), MESSAGES.text(), {
      feishu: { im: { message: { reply: respond } } },
    });
    expect(result).toMatchObject({
      outcome: 'retrying',
      error: {
        name: 'FeishuApiError',
        code: 230002,
        message: 'Feishu rejected im.message.reply with 230002: Bot is out of the chat. Add the bot to the chat.',
      },
    });
  });

  it('fails with the missing scopes', () => {
    const error = { permission_violations: [{ subject: 'im:message' }, { subject: 'im:message:send_as_bot' }] };
    const { message } = new FeishuApiError('im.message.reply', { code: 99991672, msg: 'Access denied', error });
    expect(message).toContain('Missing scopes: im:message, im:message:send_as_bot.');
  });

  it('fails with the original error if there is no response', async () => {
    const feishu = {
      im: {
        message: {
          reply: () => {
            throw new Error('connect ETIMEDOUT');
          },
        },
      },
    };
    expect(await reply((to) => to.text('Hello'), MESSAGES.text(), { feishu })).toMatchObject({
      error: { message: 'connect ETIMEDOUT' },
    });
  });
});

it('updateCard replaces a card in the event of a click', async () => {
  const handler = onEvent('im.message.receive_v1', (_, context) => updateCard(context, 'om_1', { done: true }));
  const { calls } = await run(handler, MESSAGES.text());
  expect(calls).toMatchObject([{ name: 'im.message.patch', payload: { path: { message_id: 'om_1' } } }]);
});
