import type { EventHandles } from '@larksuiteoapi/node-sdk';

// Only types come from the SDK: at run time it would add 2 MB to whatever imports this module.

/** What the SDK's dispatcher adds to the event from its envelope. Here the envelope is in the context's `header`. */
type EnvelopeField = 'event_id' | 'event_type' | 'token' | 'ts' | 'uuid';

/** A few events have a field of their own with an envelope field's name: those are no strings. */
type WithoutEnvelope<Payload> = {
  [Field in keyof Payload as Field extends EnvelopeField
    ? string extends NonNullable<Payload[Field]>
      ? never
      : Field
    : Field]: Payload[Field];
};

type SdkPayload<Type extends keyof EventHandles> = WithoutEnvelope<Parameters<NonNullable<EventHandles[Type]>>[0]>;

/** All v2.0 types have a dot in their name, no v1.0 type has. */
type SdkType2 = Extract<keyof EventHandles, `${string}.${string}`>;
type SdkType1 = Exclude<keyof EventHandles, SdkType2>;
type SdkPayloads = { [Type in SdkType2]: SdkPayload<Type> };
type SdkPayloadsV1 = { [Type in SdkType1]: SdkPayload<Type> };

/**
 * The payload of each v2.0 event type. Add a type that is missing by declaration merging:
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
  /** Sent every hour to a store app, for its tokens. The worker has kept the ticket when a handler gets it. */
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
  /** The instance's own id where it was created with one; not the event's. */
  uuid?: string;
}

/** The payload of each callback type. */
export interface CallbackPayloads {
  'card.action.trigger': {
    operator: Operator;
    /** To update the card with later: valid for 30 minutes and two updates. */
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
  /** The callback of cards made before `card.action.trigger`; it has no envelope. */
  'card.action.trigger_v1': {
    open_id: string;
    user_id?: string;
    open_message_id: string;
    tenant_key: string;
    /** To update the card with later: valid for 30 minutes and two updates. */
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

/** What each callback may be answered with. */
export interface CallbackResponses {
  'card.action.trigger': CardAnswer;
  'url.preview.get': LinkPreviewAnswer;
  'card.action.trigger_v1': OldCardAnswer;
}

interface Toast {
  type?: 'info' | 'success' | 'error' | 'warning';
  content: string;
  i18n?: Record<string, string>;
}

/** An empty answer keeps the card as it is. */
interface CardAnswer {
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

interface LinkPreviewAnswer {
  inline?: {
    title?: string;
    i18n_title?: Record<string, string>;
    image_key?: string;
    url?: { copy_url?: string; ios?: string; android?: string; pc?: string; web?: string };
  };
  card?: CardAnswer['card'];
}

/** The fields of a card beside an optional toast. */
interface OldCardAnswer {
  toast?: Toast;
  [cardField: string]: unknown;
}
