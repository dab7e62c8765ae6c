// Checked by `npx tsc` alone: what must not compile stands below `@ts-expect-error`, which is an error where it does.
import { expectTypeOf } from 'vitest';
import { type CallbackResponses, onCallback, onEvent, onEventV1, onUnhandledEvent } from '#feishu-events';
import { samplePayload, textMessage } from '#feishu-events/samples';
import { run } from '#feishu-events/testing';

const onMessage = onEvent('im.message.receive_v1', () => {});
const onClick = onCallback('card.action.trigger', () => ({}));

// The event is the handler's.

await run(onMessage, textMessage('Hello'));
await run(onMessage, samplePayload('im.message.receive_v1', 'image'));
await run(
  onEventV1('message', () => {}),
  samplePayload('message'),
);
await run(
  onUnhandledEvent(() => {}),
  { anything: 1 },
  { header: { type: 'example.thing.created_v1' } },
);
await run(onMessage, '{"schema":"2.0"}');
// @ts-expect-error A message has a sender.
await run(onMessage, { message: textMessage('Hello').message });
// @ts-expect-error It is the payload of another event.
await run(onMessage, samplePayload('im.message.recalled_v1'));
// @ts-expect-error It is the payload of an event.
await run(onClick, textMessage('Hello'));
// @ts-expect-error There is no such type.
samplePayload('im.message.received_v1');

// What comes of it is told apart by the outcome.

const handled = await run(onMessage, textMessage('Hello'));
if (handled.outcome === 'retrying') expectTypeOf(handled.afterSeconds.maximum).toEqualTypeOf<number>();
if (handled.outcome === 'dropped') expectTypeOf(handled.reason).toEqualTypeOf<string>();
// @ts-expect-error Not every event is tried again.
handled.afterSeconds;
// @ts-expect-error An event has no answer.
handled.answer;

const answered = await run(onClick, samplePayload('card.action.trigger'));
if (answered.outcome === 'answered') {
  expectTypeOf(answered.answer).toEqualTypeOf<CallbackResponses['card.action.trigger']>();
}
// @ts-expect-error A callback's handler is given no client.
answered.calls;

// Stubs have the types of the SDK's client.

const event = textMessage('Hello');
await run(onMessage, event, {
  feishu: {
    im: {
      message: { reply: (payload) => ({ code: 0, data: { message_id: payload?.path.message_id ?? 'none' } }) },
      v1: { chat: { get: async () => ({ code: 0, data: { name: 'Project' } }) } },
    },
    request: () => ({ code: 0 }),
  },
});
// @ts-expect-error It is `message_id`.
await run(onMessage, event, { feishu: { im: { message: { reply: () => ({ data: { id: 'om_1' } }) } } } });
// @ts-expect-error There is no such method.
await run(onMessage, event, { feishu: { im: { message: { answer: () => ({}) } } } });
// @ts-expect-error A callback's handler is given no client.
await run(onClick, samplePayload('card.action.trigger'), { feishu: {} });
// @ts-expect-error A callback is delivered once.
await run(onClick, samplePayload('card.action.trigger'), { attempt: 2 });
