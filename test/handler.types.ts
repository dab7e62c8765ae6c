// Checked only by `npx tsc`, which reports a line below `@ts-expect-error` that compiles.
import { EventDispatcher, type EventHandles } from '@larksuiteoapi/node-sdk';
import { expectTypeOf } from 'vitest';
import {
  type CallbackPayloads,
  callbackFromDispatcher,
  type EventPayloads,
  type EventPayloadsV1,
  fromDispatcher,
  onApprovalOptions,
  onCallback,
  onEvent,
  onEventV1,
  onQuickApproval,
  onUnhandledEvent,
} from '#feishu-events';
import { chatState, userState } from '#feishu-events/state';

declare module '#feishu-events' {
  interface EventPayloads {
    'types.test.merged_v1': { thing_id: string; counts: readonly number[] };
  }
  interface EventPayloadsV1 {
    types_test_merged: { thing_id: string };
  }
  interface CallbackPayloads {
    'types.test.merged_callback': { question: string };
  }
  interface CallbackResponses {
    'types.test.merged_callback': { answer: string };
  }
}

// The payload type is inferred from the literal.

onEvent('im.message.receive_v1', ({ message, sender }, { attempt, continued, feishu, header, uuid }) => {
  expectTypeOf(message.content).toEqualTypeOf<string>();
  expectTypeOf(message.message_id).toEqualTypeOf<string>();
  expectTypeOf(sender.sender_type).toEqualTypeOf<string>();
  expectTypeOf(header.id).toEqualTypeOf<string | undefined>();
  expectTypeOf(header.version).toEqualTypeOf<'1.0' | '2.0'>();
  expectTypeOf(attempt).toEqualTypeOf<number>();
  expectTypeOf(continued?.state).toBeUnknown();
  expectTypeOf(continued?.count).toEqualTypeOf<number | undefined>();
  expectTypeOf(uuid('reply')).toEqualTypeOf<string>();
  expectTypeOf(feishu.im.message.reply).toBeFunction();
});

onEvent('drive.file.edit_v1', ({ file_token }, { header, exactEvent, rawJson }) => {
  expectTypeOf(file_token).toEqualTypeOf<string | undefined>();
  expectTypeOf(header.fields.resource_id).toEqualTypeOf<string | undefined>();
  expectTypeOf(header.fields.user_list?.[0]?.open_id).toEqualTypeOf<string | undefined>();
  expectTypeOf(header.fields.anything).toBeUnknown();
  expectTypeOf(exactEvent().file_token).toEqualTypeOf<string | undefined>();
  expectTypeOf(rawJson()).toEqualTypeOf<string>();
});
onEvent('types.test.merged_v1', (_, { exactEvent }) => {
  expectTypeOf(exactEvent().counts).toEqualTypeOf<readonly (number | bigint)[]>();
});
onUnhandledEvent((_, { exactEvent }) => expectTypeOf(exactEvent().anything).toBeUnknown());

onEventV1('out_approval', ({ instance_code }) => {
  expectTypeOf(instance_code).not.toBeAny();
});

onCallback('card.action.trigger', ({ action, context, token }) => {
  expectTypeOf(action.tag).toEqualTypeOf<string>();
  expectTypeOf(context.open_chat_id).toEqualTypeOf<string>();
  expectTypeOf(token).toEqualTypeOf<string>();
  return { toast: { type: 'success', content: 'Done' } };
});

onCallback('profile.view.get', ({ operator, host }, context) => {
  expectTypeOf(context.uuid('card')).toEqualTypeOf<string>();
  expectTypeOf(context.feishu.im.message.patch).toBeFunction();
  // @ts-expect-error Callbacks are delivered only once.
  context.attempt;
  expectTypeOf(operator.open_id).toEqualTypeOf<string>();
  expectTypeOf(host).toEqualTypeOf<string>();
  return {};
});

onCallback('card.action.trigger_v1', ({ action }) => {
  expectTypeOf(action.value).toEqualTypeOf<Record<string, unknown> | string | undefined>();
  return {};
});

onUnhandledEvent((event, { header }) => {
  expectTypeOf(event.anything).toBeUnknown();
  expectTypeOf(header.type).toBeString();
});

// @ts-expect-error The SDK's dispatcher cannot read the old card callback.
callbackFromDispatcher('card.action.trigger_v1', new EventDispatcher({}));
expectTypeOf(fromDispatcher(new EventDispatcher({})).kind).toEqualTypeOf<'v2' | 'v1' | 'fallback'>();

// Unknown fields.

// @ts-expect-error The field is `content`.
onEvent('im.message.receive_v1', ({ message }) => message.text);
// @ts-expect-error Not every message has a thread.
onEvent('im.message.receive_v1', ({ message }) => message.thread_id.length);
// @ts-expect-error The field is `open_chat_id`.
onEventV1('message', (event) => event.chat_id);
// @ts-expect-error The field is `open_message_id`.
onCallback('card.action.trigger', ({ context }) => ({ toast: { content: context.message_id } }));

// Fields of the envelope are in the context's header.

type Own<Type extends keyof EventPayloads> = keyof EventPayloads[Type];
expectTypeOf<Extract<Own<'im.message.receive_v1'>, 'event_id' | 'event_type' | 'token' | 'ts' | 'uuid'>>().toBeNever();
// @ts-expect-error The field is `context.header.id`.
onEvent('im.message.receive_v1', (event) => event.event_id);
// @ts-expect-error No handler receives the token.
onEventV1('out_approval', (event) => event.token);

// Event types that do not exist or belong to another version.

// @ts-expect-error The type is `im.message.receive_v1`.
onEvent('im.message.received_v1', () => {});
// @ts-expect-error The type belongs to v1.0.
onEvent('out_approval', () => {});
// @ts-expect-error The type belongs to v2.0.
onEventV1('im.message.receive_v1', () => {});
// @ts-expect-error The type is an event, not a callback.
onCallback('im.message.receive_v1', () => ({}));
// @ts-expect-error The type must be a literal.
onEvent('im.message.receive_v1' as string, () => {});

// Responses to callbacks.

onCallback('card.action.trigger', () => ({}));
onCallback('card.action.trigger', () => undefined);
onCallback('card.action.trigger', async () => ({ card: { type: 'raw', data: { schema: '2.0' } } }));
onCallback('card.action.trigger', () => ({ card: { type: 'template', data: { template_id: 'AAq1' } } }));
onCallback('url.preview.get', () => ({ inline: { title: 'Title', url: { pc: 'https://example.com/' } } }));
onCallback('card.action.trigger_v1', () => ({ toast: { content: 'Done' }, elements: [] }));
// @ts-expect-error This type of toast does not exist.
onCallback('card.action.trigger', () => ({ toast: { type: 'failure', content: 'No' } }));
// @ts-expect-error A toast needs content.
onCallback('card.action.trigger', () => ({ toast: { type: 'success' } }));
// @ts-expect-error A template needs an id.
onCallback('card.action.trigger', async () => ({ card: { type: 'template', data: {} } }));
// @ts-expect-error A card that is not a template is `raw`.
onCallback('card.action.trigger', () => ({ card: { type: 'json', data: {} } }));
// @ts-expect-error A link preview is an object.
onCallback('url.preview.get', () => ({ inline: 'Title' }));
// @ts-expect-error A response is an object.
onCallback('card.action.trigger', () => 'Done');

// All event types.

expectTypeOf<Exclude<keyof EventHandles, keyof EventPayloads | keyof EventPayloadsV1>>().toBeNever();
type EitherVersion = 'approval.instance.trip_group_update_v4' | 'approval.instance.remedy_group_update_v4';
expectTypeOf<Extract<keyof EventPayloads, keyof EventPayloadsV1>>().toEqualTypeOf<EitherVersion>();

/** Types of v2.0 contain a dot; types of v1.0 do not, except the old card callback. */
type Dotted = `${string}.${string}`;
expectTypeOf<Exclude<keyof EventPayloads, Dotted>>().toBeNever();
expectTypeOf<Extract<keyof EventPayloadsV1, Dotted>>().toEqualTypeOf<'card.action.trigger_v1' | EitherVersion>();

/** Types whose payload is `any`, which would allow every field. */
type Untyped<Payloads> = { [Type in keyof Payloads]: 0 extends 1 & Payloads[Type] ? Type : never }[keyof Payloads];
expectTypeOf<Untyped<EventPayloads>>().toBeNever();
expectTypeOf<Untyped<EventPayloadsV1>>().toBeNever();
expectTypeOf<Untyped<CallbackPayloads>>().toBeNever();

/** The types that the SDK's lack. If a new version of the SDK contains one, remove it here and in `lib/feishu`. */
type MissingInSdk =
  | 'card.action.trigger'
  | 'card.action.trigger_v1'
  | 'url.preview.get'
  | 'profile.view.get'
  | EitherVersion
  | 'apaas.workspace.record_change_v1'
  | 'attendance.user_flow.created_v1'
  | 'attendance.user_task.updated_v1'
  | 'board.whiteboard.updated_v1'
  | 'im.message.bot_muted_v1'
  | 'moments.dislike.created_v1'
  | 'moments.dislike.deleted_v1'
  | 'approval'
  | 'approval_cc'
  | 'approval_instance'
  | 'approval_task'
  | 'dept_delete'
  | 'dept_update'
  | 'leave_approval'
  | 'leave_approval_revert'
  | 'out_approval_revert'
  | 'remedy_approval_v2'
  | 'remove_user_from_chat'
  | 'revoke_add_user_from_chat'
  | 'third_party_meeting_room_event_deleted'
  | 'third_party_meeting_room_event_updated'
  | 'user_leave'
  | 'user_update'
  | 'work_approval_revert';
type Merged = 'types.test.merged_v1' | 'types_test_merged';
type Declared = Exclude<keyof EventPayloads | keyof EventPayloadsV1, Merged>;
expectTypeOf<Exclude<Declared, keyof EventHandles>>().toEqualTypeOf<MissingInSdk>();

onEvent('board.whiteboard.updated_v1', ({ operator_ids }) => {
  expectTypeOf(operator_ids[0]?.open_id).toEqualTypeOf<string | undefined>();
});
onEvent('apaas.workspace.record_change_v1', ({ type }) => {
  expectTypeOf(type).toEqualTypeOf<'INSERT' | 'UPDATE' | 'DELETE'>();
});
onEventV1('leave_approval_revert', ({ instance_code, operate_time }) => {
  expectTypeOf(instance_code).toEqualTypeOf<string>();
  expectTypeOf(operate_time).toEqualTypeOf<string | number>();
});
// @ts-expect-error The field is `operate_time`.
onEventV1('out_approval_revert', (event) => event.start_time);

onEventV1('approval_instance', ({ uuid, status }) => {
  expectTypeOf(uuid).toEqualTypeOf<string | undefined>();
  expectTypeOf(status).toEqualTypeOf<string>();
});

// Types added by declaration merging.

onEvent('types.test.merged_v1', ({ thing_id }) => {
  expectTypeOf(thing_id).toEqualTypeOf<string>();
});
onEventV1('types_test_merged', ({ thing_id }) => {
  expectTypeOf(thing_id).toEqualTypeOf<string>();
});
onCallback('types.test.merged_callback', ({ question }) => ({ answer: question }));
// @ts-expect-error The field is `thing_id`.
onEvent('types.test.merged_v1', ({ id }) => id);
// @ts-expect-error The field is `answer`.
onCallback('types.test.merged_callback', ({ question }) => ({ reply: question }));

// The requests and results of Approval.

onApprovalOptions({ token: process.env.TOKEN, key: process.env.KEY }, ({ employee_id, linkage_params, locale }) => {
  expectTypeOf(employee_id).toEqualTypeOf<string | undefined>();
  expectTypeOf(linkage_params).toEqualTypeOf<Record<string, string> | undefined>();
  expectTypeOf(locale).toExtend<string | undefined>();
  return { options: [{ id: '1', text: { zh_cn: '一', en_us: 'One' } }], nextPageToken: '2' };
});
onQuickApproval({ token: 'token' }, async ({ action_type, message_id, user_id }, { signal }) => {
  expectTypeOf(action_type).toExtend<string>();
  expectTypeOf(message_id).toEqualTypeOf<string | undefined>();
  expectTypeOf(user_id).toEqualTypeOf<string>();
  expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
});
// @ts-expect-error The token is missing.
onQuickApproval({}, () => {});
// @ts-expect-error An option has a text.
onApprovalOptions({ token: 'token' }, () => ({ options: [{ id: '1' }] }));
// @ts-expect-error The platform does not know this language.
onApprovalOptions({ token: 'token' }, () => ({ options: [{ id: '1', text: { fr_fr: 'Un' } }] }));

// The state has the type that the handler gives it. Callback handlers have none.

onEvent('im.message.receive_v1', async (event, context) => {
  expectTypeOf((await userState<{ name: string }>(event, context).get()).value).toEqualTypeOf<
    { name: string } | undefined
  >();
  expectTypeOf((await chatState(event, context).get()).value).toBeUnknown();
  // @ts-expect-error The value has another type.
  await userState<{ name: string }>(event, context).set('Ada');
});
// @ts-expect-error The webhook has no access to the table.
onCallback('card.action.trigger', async (event, context) => void (await chatState(event, context).get()));
