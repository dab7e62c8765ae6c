import type { Client, EventDispatcher } from '@larksuiteoapi/node-sdk';
import type {
  ApprovalLocale,
  ApprovalOption,
  ApprovalOptions,
  ApprovalOptionsRequest,
  QuickApproval,
} from './feishu/approval-types.ts';
import type { EventEnvelope, EventHeader, HeaderFields, JsonObject } from './feishu/envelope.ts';
import type { CallbackPayloads, CallbackResponses, EventPayloads, EventPayloadsV1 } from './feishu/event-types.ts';
import type { Log } from './feishu/log.ts';
import type { ReplyStreams } from './reply-streams.ts';
import { toStoredJson } from './util/stored-json.ts';

// Handler modules import only this module, and extend these interfaces by declaration merging.
export type {
  ApprovalLocale,
  ApprovalOption,
  ApprovalOptions,
  ApprovalOptionsRequest,
  CallbackPayloads,
  CallbackResponses,
  EventHeader,
  EventPayloads,
  EventPayloadsV1,
  HeaderFields,
  JsonObject,
  Log,
  QuickApproval,
};

/** The transport an event arrived over. */
export type EventSource = 'webhook' | 'long-connection';

/** A payload whose integers are exact: those above 2^53, which `JSON.parse` rounds, are of type `bigint`. */
export type Exact<Payload> = Payload extends number
  ? Payload | bigint
  : Payload extends object
    ? { [Field in keyof Payload]: Exact<Payload[Field]> }
    : Payload;

export interface CallbackContext<Payload = unknown> {
  readonly header: EventHeader;
  readonly source: EventSource;
  /**
   * Parses the event again, with exact integers.
   *
   * @returns the payload, in which integers above 2^53 are of type `bigint`
   * @throws {RangeError} if the event is nested more than 1,000 levels deep
   */
  exactEvent(): Exact<Payload>;
  /**
   * Returns the complete JSON text of the event, decrypted and otherwise as the platform sent it. It contains the
   * Verification Token: do not log it.
   */
  rawJson(): string;
  /** Writes JSON lines with the event's id and type. */
  readonly log: Log;
  /** Aborts when the time is up, or when an error that escaped the handler has failed the event. */
  readonly signal: AbortSignal;
  /**
   * The official SDK's client with this app's credentials, loaded on first use. In callback handlers, `feishu` and `uuid`
   * require `callbacks: { feishu: true }` in `extensions.yml`, and throw otherwise.
   */
  readonly feishu: Client;
  /**
   * Returns an id for the `uuid` parameter of an API call that sends something. It is the same in every attempt at an
   * event, so a retry sends nothing twice: Feishu ignores a `uuid` that repeats within an hour. The callback handler and
   * the event handler of a callback get the same ids.
   *
   * @param label distinguishes the calls for one event
   * @returns 32 characters
   */
  uuid(label: string): string;
}

export interface EventContext<Payload = unknown> extends CallbackContext<Payload> {
  /**
   * The number of this attempt, starting at 1. Deliveries that end with a {@link Continue} or a rate limit of the
   * platform do not count.
   */
  readonly attempt: number;
  /** The last {@link Continue} of this event. `undefined` until the handler throws one. */
  readonly continued?: Continued | undefined;
  /** What `message.reply.stream()` needs. It has no other use. */
  readonly streams?: ReplyStreams | undefined;
}

/** What an event continues with. */
export interface Continued {
  /** A copy of the state, as JSON stores it. */
  readonly state: unknown;
  /** How often the event has continued, starting at 1. */
  readonly count: number;
}

type EventFunction<Payload> = (event: Payload, context: EventContext<Payload>) => unknown;
type CallbackFunction<Payload, Response> = (
  event: Payload,
  context: CallbackContext<Payload>,
) => Response | Promise<Response>;

/** The default export of a module in `functions/handlers/v2` or `functions/handlers/v1`, and of `fallback.ts`. */
export interface EventHandler<Payload = never> {
  readonly kind: 'v2' | 'v1' | 'fallback';
  readonly type: string;
  /** `Payload` is `never` where the event type is not known at compile time. */
  readonly handle: EventFunction<Payload>;
  /** Events that a fallback does not accept count as events without a handler. Default: it accepts all. */
  readonly accepts?: (event: Pick<EventEnvelope, 'kind' | 'header'>) => boolean;
}

/** The default export of a module in `functions/handlers/callbacks`. */
export interface CallbackHandler<Payload = never, Response extends object = object> {
  readonly kind: 'callbacks';
  readonly type: string;
  readonly handle: CallbackFunction<Payload, Response | undefined>;
}

/** The secrets of a module in `functions/handlers/approvals`, as entered in the approval's definition. */
export interface ApprovalSettings {
  /** For example `process.env.CUSTOMERS_TOKEN`. If it is empty, every request is rejected. */
  readonly token: string | undefined;
  /** Only if the definition has a key. If this property is present but empty, every request is rejected. */
  readonly key?: string | undefined;
}

export interface ApprovalContext {
  /** Writes JSON lines with the module's name. */
  readonly log: Log;
  /** Aborts when the time is up. */
  readonly signal: AbortSignal;
}

type ApprovalFunction<Request, Result> = (request: Request, context: ApprovalContext) => Result | Promise<Result>;

/** The default export of a module in `functions/handlers/approvals`. */
export interface ApprovalHandler<Request = never, Result = unknown> {
  readonly kind: 'approvals';
  readonly type: 'options' | 'quick-approval';
  readonly settings: ApprovalSettings;
  readonly handle: ApprovalFunction<Request, Result>;
}

/**
 * Defines the handler of a v2.0 event (in the SDKs: "p2"): `functions/handlers/v2/<type>.ts`. The worker runs it.
 *
 * @param type the event type, which is also the name of the module
 * @param handle if it throws, the event is retried with exponential backoff, and moves to the dead-letter queue after 5
 *   failed deliveries; see {@link RetryAfter} and {@link Drop}
 */
export function onEvent<Type extends keyof EventPayloads>(
  type: Type,
  handle: EventFunction<EventPayloads[Type]>,
): EventHandler<EventPayloads[Type]> {
  return { kind: 'v2', type, handle };
}

/**
 * Defines the handler of a v1.0 event (in the SDKs: "p1"): `functions/handlers/v1/<type>.ts`. See {@link onEvent}.
 *
 * If the event arrives in a v2.0 envelope, the payload still contains the `type`, `tenant_key` and `app_id` of a v1.0
 * event.
 */
export function onEventV1<Type extends keyof EventPayloadsV1>(
  type: Type,
  handle: EventFunction<EventPayloadsV1[Type]>,
): EventHandler<EventPayloadsV1[Type]> {
  return { kind: 'v1', type, handle };
}

/**
 * Defines the handler that responds to a callback while the user waits: `functions/handlers/callbacks/<type>.ts`.
 *
 * The callback is also queued: put slow work into the event handler of the same type.
 *
 * @param handle has 2.3 seconds from the callback's arrival. If it throws or times out, the user sees an error toast.
 */
export function onCallback<Type extends keyof CallbackPayloads>(
  type: Type,
  handle: CallbackFunction<CallbackPayloads[Type], CallbackResponses[Type] | undefined>,
): CallbackHandler<CallbackPayloads[Type], CallbackResponses[Type]> {
  return { kind: 'callbacks', type, handle };
}

/**
 * Defines the data source of a control in an approval form (external options):
 * `functions/handlers/approvals/<name>.ts` responds at `/feishu/approvals/<name>`.
 *
 * @param handle has 2.3 seconds from the request's arrival. To show a message to the user, throw an
 *   {@link ApprovalError}.
 */
export function onApprovalOptions(
  settings: ApprovalSettings,
  handle: ApprovalFunction<ApprovalOptionsRequest, ApprovalOptions>,
): ApprovalHandler<ApprovalOptionsRequest, ApprovalOptions> {
  return { kind: 'approvals', type: 'options', settings, handle };
}

/**
 * Defines the handler of the decisions about tasks of a third-party approval (quick approval):
 * `functions/handlers/approvals/<name>.ts` responds at `/feishu/approvals/<name>`.
 *
 * @param handle has 9 seconds from the request's arrival. It must be idempotent: the platform may send a decision again,
 *   and so can anyone who has captured the request. To show a message to the user, throw an {@link ApprovalError}. The
 *   platform reads nothing from a successful response.
 */
export function onQuickApproval(
  settings: ApprovalSettings,
  handle: ApprovalFunction<QuickApproval, unknown>,
): ApprovalHandler<QuickApproval> {
  return { kind: 'approvals', type: 'quick-approval', settings, handle };
}

/** Defines the handler of all events without a handler: `functions/handlers/fallback.ts`. See {@link onEvent}. */
export function onUnhandledEvent(handle: EventFunction<JsonObject>): EventHandler<JsonObject> {
  return { kind: 'fallback', type: 'fallback', handle };
}

/**
 * Adapts a dispatcher of the official SDK, for `functions/handlers/fallback.ts`: its functions receive the events that
 * have no module, as the SDK passes them: the fields of the envelope and of the event in one object. If a function
 * throws, the event is retried; see {@link onEvent}. An event without a function counts as one without a handler.
 *
 * The dispatcher's functions for callbacks are not called: see {@link callbackFromDispatcher}.
 *
 * @param dispatcher its Encrypt Key and Verification Token are not used, because the events are already verified
 */
export function fromDispatcher(dispatcher: EventDispatcher): EventHandler<JsonObject> {
  return {
    ...onUnhandledEvent((_, context) => dispatch(dispatcher, context)),
    // The queue also delivers callbacks, whose functions have run before the response.
    accepts: ({ kind, header }) => kind === 'event' && dispatcher.handles.has(header.type),
  };
}

/**
 * Adapts the function of an official SDK's dispatcher that responds to a callback, for
 * `functions/handlers/callbacks/<type>.ts`. See {@link onCallback} for its time limit.
 *
 * @param type the callback's type, which is also the name of the module. Not the old card callback: the SDK handles it
 *   with a `CardActionHandler`, not with a dispatcher.
 */
export function callbackFromDispatcher<Type extends Exclude<keyof CallbackPayloads, 'card.action.trigger_v1'>>(
  type: Type,
  dispatcher: EventDispatcher,
): CallbackHandler<CallbackPayloads[Type], CallbackResponses[Type]> {
  return onCallback(type, (_, context) => {
    if (dispatcher.handles.has(type)) return dispatch(dispatcher, context);
    throw new Error(`The dispatcher has no function for ${type}: register one, or remove the module.`);
  });
}

function dispatch(
  dispatcher: EventDispatcher,
  { rawJson }: Pick<CallbackContext, 'rawJson'>,
): ReturnType<EventDispatcher['invoke']> {
  return dispatcher.invoke(JSON.parse(rawJson()), { needCheck: false });
}

/**
 * SQS hides a message for at most 12 hours after its delivery, of which the handler may use 15 minutes.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
 */
export const MAXIMUM_RETRY_AFTER_SECONDS = (12 * 60 - 15) * 60;
const RETRY_DELAYS = `whole seconds from 0 to ${MAXIMUM_RETRY_AFTER_SECONDS} (11 hours 45 minutes)`;

/** Thrown by a handler to retry the event after the given time. The attempt counts as one of the 5 deliveries. */
export class RetryAfter extends Error {
  override readonly name = 'RetryAfter';
  readonly seconds: number;

  /**
   * @param seconds whole seconds, at most 42,300 (11 hours 45 minutes)
   * @throws {RangeError} if `seconds` is not a whole number in this range
   */
  constructor(seconds: number, reason: string) {
    super(reason);
    if (!isRetryDelay(seconds)) {
      throw new RangeError(
        `RetryAfter takes ${RETRY_DELAYS}, not ${seconds}. To wait longer, store the event and use a schedule.`,
      );
    }
    this.seconds = seconds;
  }
}

/**
 * Thrown by an event handler to end the invocation and continue in another one: the state is stored, and the event is
 * delivered again with the state in `context.continued`. This does not count as a failed delivery, up to 20 times.
 */
export class Continue extends Error {
  override readonly name = 'Continue';
  /** JSON */
  readonly stateJson: string;
  readonly afterSeconds: number;

  /**
   * @param state a JSON value of at most 256 KiB
   * @param options.afterSeconds whole seconds until the next delivery, at most 42,300 (11 hours 45 minutes). Default: 0
   * @throws {TypeError} if `state` is not a JSON value
   * @throws {RangeError} if `state` is too large, or `afterSeconds` is not a whole number in this range
   */
  constructor(state: unknown, { afterSeconds = 0 }: { afterSeconds?: number } = {}) {
    super('The event continues in another delivery. Only event handlers can throw this.');
    if (!isRetryDelay(afterSeconds)) {
      throw new RangeError(`Continue takes ${RETRY_DELAYS} for afterSeconds, not ${afterSeconds}.`);
    }
    this.stateJson = toStoredJson(state, 'The state of Continue');
    this.afterSeconds = afterSeconds;
  }
}

function isRetryDelay(seconds: number): boolean {
  return Number.isInteger(seconds) && seconds >= 0 && seconds <= MAXIMUM_RETRY_AFTER_SECONDS;
}

/** Thrown by a handler to discard the event, which is logged and counted, but not retried. */
export class Drop extends Error {
  override readonly name = 'Drop';
}

/** Thrown by a handler in `functions/handlers/approvals` to reject the request. The user sees the message. */
export class ApprovalError extends Error {
  override readonly name = 'ApprovalError';
}
