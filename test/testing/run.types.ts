// Checked only by `npx tsc`. Lines below `@ts-expect-error` must not compile.
import { expectTypeOf } from 'vitest';
import {
  type CallbackResponses,
  onApprovalOptions,
  onCallback,
  onEvent,
  onEventV1,
  onQuickApproval,
  onUnhandledEvent,
} from '#feishu-events';
import { samplePayload, textMessage } from '#feishu-events/samples';
import { run } from '#feishu-events/testing';

const onMessage = onEvent('im.message.receive_v1', () => {});
const onClick = onCallback('card.action.trigger', () => ({}));

// The event must match the handler.

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
// @ts-expect-error The sender is missing.
await run(onMessage, { message: textMessage('Hello').message });
// @ts-expect-error The payload is that of another event.
await run(onMessage, samplePayload('im.message.recalled_v1'));
// @ts-expect-error The payload is that of an event, not of a callback.
await run(onClick, textMessage('Hello'));
// @ts-expect-error The type does not exist.
samplePayload('im.message.received_v1');

// `outcome` discriminates the result.

const handled = await run(onMessage, textMessage('Hello'));
if (handled.outcome === 'retrying') expectTypeOf(handled.afterSeconds.maximum).toEqualTypeOf<number>();
if (handled.outcome === 'dropped') expectTypeOf(handled.reason).toEqualTypeOf<string>();
// @ts-expect-error Not every event is retried.
handled.afterSeconds;
// @ts-expect-error Events have no answer.
handled.answer;

const answered = await run(onClick, samplePayload('card.action.trigger'));
if (answered.outcome === 'answered') {
  expectTypeOf(answered.answer).toEqualTypeOf<CallbackResponses['card.action.trigger']>();
}
expectTypeOf(answered.uuids).toEqualTypeOf<Record<string, string>>();

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
// @ts-expect-error The property is named `message_id`.
await run(onMessage, event, { feishu: { im: { message: { reply: () => ({ data: { id: 'om_1' } }) } } } });
// @ts-expect-error The method does not exist.
await run(onMessage, event, { feishu: { im: { message: { answer: () => ({}) } } } });
await run(onClick, samplePayload('card.action.trigger'), { feishu: { request: () => ({ code: 0 }) } });
// @ts-expect-error Callbacks are delivered only once.
await run(onClick, samplePayload('card.action.trigger'), { attempt: 2 });

// Requests of Approval must match the handler, too.

const options = onApprovalOptions({ token: undefined }, () => ({ options: [] }));
await run(options, { query: 'a', linkage_params: { department: 'sales' } });
// @ts-expect-error The field does not exist.
await run(options, { search: 'a' });
const quickApproval = onQuickApproval({ token: undefined }, () => {});
await run(quickApproval, { action_type: 'APPROVE', user_id: 'u', approval_code: 'c' });
// @ts-expect-error The user is missing.
await run(quickApproval, { action_type: 'APPROVE', approval_code: 'c' });
