import type { EventHandles } from '@larksuiteoapi/node-sdk';

// Only types are imported: at run time the SDK would add 2 MB to every importer's bundle.

/** Envelope fields that the SDK's dispatcher adds to the event. Here they are in the context's `header`. */
type EnvelopeField = 'event_id' | 'event_type' | 'token' | 'ts' | 'uuid';

/** Keeps a payload field that has the name of an envelope field but is not a string: it belongs to the event. */
type WithoutEnvelope<Payload> = {
  [Field in keyof Payload as Field extends EnvelopeField
    ? string extends NonNullable<Payload[Field]>
      ? never
      : Field
    : Field]: Payload[Field];
};

type SdkPayload<Type extends keyof EventHandles> = WithoutEnvelope<Parameters<NonNullable<EventHandles[Type]>>[0]>;

/** Only v2.0 types have a dot in their name. */
type SdkType2 = Extract<keyof EventHandles, `${string}.${string}`>;
type SdkType1 = Exclude<keyof EventHandles, SdkType2>;
type SdkPayloads = { [Type in SdkType2]: SdkPayload<Type> };
type SdkPayloadsV1 = { [Type in SdkType1]: SdkPayload<Type> };

/**
 * The payload of each v2.0 event type. Add a missing type by declaration merging:
 *
 * ```ts
 * declare module '#feishu-events' {
 *   interface EventPayloads { 'example.thing.created_v1': { thing_id: string } }
 * }
 * ```
 */
export interface EventPayloads extends SdkPayloads, PayloadsOfEitherVersion {
  'card.action.trigger': CallbackPayloads['card.action.trigger'];
  'url.preview.get': CallbackPayloads['url.preview.get'];
  'profile.view.get': CallbackPayloads['profile.view.get'];
}

/** The payload of each v1.0 event type (in the SDKs: "p1" or "customized event"). */
export interface EventPayloadsV1 extends SdkPayloadsV1, PayloadsOfEitherVersion {
  'card.action.trigger_v1': CallbackPayloads['card.action.trigger_v1'];
  approval_instance: ApprovalEvent & { instance_operate_time?: string };
  approval_task: ApprovalEvent & {
    task_id: string;
    user_id?: string;
    open_id?: string;
    custom_key?: string;
    def_key?: string;
    extra?: string;
  };
  user_leave: SdkPayloadsV1['user_add'];
  user_update: SdkPayloadsV1['user_add'];
  dept_update: Omit<SdkPayloadsV1['dept_add'], 'department'>;
  dept_delete: Omit<SdkPayloadsV1['dept_add'], 'department'>;
  remove_user_from_chat: SdkPayloadsV1['add_user_to_chat'];
  /** Sent every hour to a store app, for its access tokens. The worker stores the ticket before a handler runs. */
  app_ticket: { type: string; app_id: string; app_ticket: string };
}

/**
 * Types that arrive in a v2.0 envelope but that the SDKs register as v1.0 events: a handler may be defined with either
 * function. The documents disagree with their samples on whether times are strings or numbers.
 *
 * @see https://open.feishu.cn/document/server-docs/approval-v4/event/special-event/business-trip
 * @see https://open.feishu.cn/document/server-docs/approval-v4/event/special-event/attendance-record-correction
 */
interface PayloadsOfEitherVersion {
  'approval.instance.trip_group_update_v4': {
    object: {
      /** `APPROVED`, or `REVERTED` if it was approved and then revoked. */
      type: string;
      instance_code: string;
      start_user?: { id: UserIds };
      start_time?: string | number;
      end_time?: string | number;
      schedules?: {
        trip_start_time?: string;
        trip_end_time?: string;
        /** Seconds. */
        trip_interval?: string;
        departure?: string;
        departure_id?: string;
        destination?: string;
        destination_ids?: string[];
        transportation?: string;
        trip_type?: string;
        remark?: string;
      }[];
      /** Seconds. */
      trip_interval?: string;
      trip_reason?: string;
      trip_peers?: { id: UserIds }[];
    };
  };
  'approval.instance.remedy_group_update_v4': {
    object: {
      type: string;
      instance_code: string;
      employee_id?: string;
      start_time?: string | number;
      end_time?: string | number;
      remedy_time?: string | number;
      remedy_reason?: string;
      status?: string;
    };
  };
}

interface UserIds {
  open_id?: string;
  union_id?: string;
  user_id?: string;
}

interface ApprovalEvent {
  type: string;
  app_id: string;
  tenant_key: string;
  approval_code: string;
  instance_code: string;
  status: string;
  operate_time?: string;
  /** The instance's id, if it was created with one. Not the event's. */
  uuid?: string;
}

/** The payload of each callback type. */
export interface CallbackPayloads {
  'card.action.trigger': {
    operator: Operator;
    /** For updating the card later. Valid for 30 minutes and two updates. */
    token: string;
    action: CardAction;
    host: string;
    delivery_type?: string;
    context: {
      open_message_id: string;
      open_chat_id: string;
      url?: string;
      preview_token?: string;
    };
  };
  'url.preview.get': {
    operator: Omit<Operator, 'union_id'>;
    host: string;
    context: { url: string; preview_token: string; open_message_id: string; open_chat_id: string };
  };
  /** Someone opens the bot's profile. Not documented: the fields are those of observed requests. */
  'profile.view.get': { operator: Operator; host: string; context: Record<string, unknown> };
  /** The callback of cards that predate `card.action.trigger`. It has no envelope. */
  'card.action.trigger_v1': {
    open_id: string;
    user_id?: string;
    open_message_id: string;
    tenant_key: string;
    /** For updating the card later. Valid for 30 minutes and two updates. */
    token: string;
    action: Omit<CardAction, 'value'> & { value?: Record<string, unknown> | string };
  };
}

interface Operator {
  tenant_key: string;
  user_id?: string;
  open_id: string;
  union_id?: string;
}

interface CardAction {
  value?: Record<string, unknown>;
  tag: string;
  timezone?: string;
  name?: string;
  form_value?: Record<string, unknown>;
  input_value?: string;
  option?: string;
  options?: string[];
  checked?: boolean;
}

/** The response that a handler may return to each callback. */
export interface CallbackResponses {
  'card.action.trigger': CardResponse;
  'url.preview.get': LinkPreviewResponse;
  /** Not documented. */
  'profile.view.get': Record<string, unknown>;
  'card.action.trigger_v1': OldCardResponse;
}

interface Toast {
  type?: 'info' | 'success' | 'error' | 'warning';
  content: string;
  i18n?: Record<string, string>;
}

/** An empty response leaves the card unchanged. */
interface CardResponse {
  toast?: Toast;
  card?:
    | { type: 'raw'; data: Record<string, unknown> }
    | {
        type: 'template';
        data: {
          template_id: string;
          template_version_name?: string;
          template_variable?: Record<string, unknown>;
        };
      };
}

interface LinkPreviewResponse {
  inline?: {
    title?: string;
    i18n_title?: Record<string, string>;
    image_key?: string;
    url?: { copy_url?: string; ios?: string; android?: string; pc?: string; web?: string };
  };
  card?: CardResponse['card'];
}

/** The fields of a card, and an optional toast. */
interface OldCardResponse {
  toast?: Toast;
  [cardField: string]: unknown;
}
