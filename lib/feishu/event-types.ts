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
export interface EventPayloads extends SdkPayloads {
  'card.action.trigger': CallbackPayloads['card.action.trigger'];
  'url.preview.get': CallbackPayloads['url.preview.get'];
}

/** The payload of each v1.0 event type (in the SDKs: "p1" or "customized event"). */
export interface EventPayloadsV1 extends SdkPayloadsV1 {
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
  /** The callback of cards that predate `card.action.trigger`. It has no envelope. */
  'card.action.trigger_v1': {
    open_id: string;
    user_id?: string;
    open_message_id: string;
    tenant_key: string;
    /** For updating the card later. Valid for 30 minutes and two updates. */
    token: string;
    action: CardAction;
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
