import type { Client } from '@larksuiteoapi/node-sdk';
import type { EventHeader, JsonObject } from './feishu/envelope.ts';
import type { CallbackPayloads, CallbackResponses, EventPayloads, EventPayloadsV1 } from './feishu/event-types.ts';
import type { Log } from './feishu/log.ts';

// Re-exported because handler modules import from here alone, and merge declarations into these.
export type { CallbackPayloads, CallbackResponses, EventPayloads, EventPayloadsV1, Log };

/** The way an event came. */
export type EventSource = 'webhook' | 'long-connection';

export interface CallbackContext {
  readonly header: EventHeader;
  readonly source: EventSource;
  /** Writes JSON lines that name the event. */
  readonly log: Log;
  /** Aborts when there is no time left, and when an error that escapes the handler has failed the event. */
  readonly signal: AbortSignal;
}

export interface EventContext extends CallbackContext {
  /** How often the queue has delivered this event, from 1. */
  readonly attempt: number;
  /** The official SDK's client with this app's credentials, loaded at first use. */
  readonly feishu: Client;
  /**
   * An id for the `uuid` of a call that sends something: the same for every attempt at the same event, so that Feishu,
   * which drops a repeated one for an hour, sends once.
   *
   * @param label tells the calls of one handler apart
   * @returns 32 characters
   */
  uuid(label: string): string;
}

type EventFunction<Payload> = (event: Payload, context: EventContext) => unknown;
type CallbackFunction<Payload, Answer> = (event: Payload, context: CallbackContext) => Answer | Promise<Answer>;

/** A module's default export in `functions/handlers/v2` or `functions/handlers/v1`. */
export interface EventHandler<Payload = never> {
  readonly kind: 'v2' | 'v1' | 'fallback';
  readonly type: string;
  /** Where the module is not known, neither is the type of its payload. */
  readonly handle: EventFunction<Payload>;
}

/** A module's default export in `functions/handlers/callbacks`. */
export interface CallbackHandler<Payload = never, Answer extends object = object> {
  readonly kind: 'callbacks';
  readonly type: string;
  readonly handle: CallbackFunction<Payload, Answer | undefined>;
}

/**
 * Handles a v2.0 event (in the SDKs: "p2") behind the queue: `functions/handlers/v2/<type>.ts`.
 *
 * @param type the event's type, which is the module's name too
 * @param handle runs until it settles. What it throws is tried again with growing delays and after 5 deliveries kept in
 *   the dead-letter queue; see {@link RetryAfter} and {@link Drop}.
 */
export function onEvent<Type extends keyof EventPayloads>(
  type: Type,
  handle: EventFunction<EventPayloads[Type]>,
): EventHandler<EventPayloads[Type]> {
  return { kind: 'v2', type, handle };
}

/** Handles a v1.0 event (in the SDKs: "p1", "customized event"): `functions/handlers/v1/<type>.ts`. See {@link onEvent}. */
export function onEventV1<Type extends keyof EventPayloadsV1>(
  type: Type,
  handle: EventFunction<EventPayloadsV1[Type]>,
): EventHandler<EventPayloadsV1[Type]> {
  return { kind: 'v1', type, handle };
}

/**
 * Answers a callback while the person waits: `functions/handlers/callbacks/<type>.ts`.
 *
 * The callback is queued as well, so that what takes longer goes into the event handler of the same type.
 *
 * @param handle has 2.3 seconds from the callback's arrival. When it is late or throws, the person sees an error toast.
 */
export function onCallback<Type extends keyof CallbackPayloads>(
  type: Type,
  handle: CallbackFunction<CallbackPayloads[Type], CallbackResponses[Type] | undefined>,
): CallbackHandler<CallbackPayloads[Type], CallbackResponses[Type]> {
  return { kind: 'callbacks', type, handle };
}

/** Handles every event that no other module handles: `functions/handlers/fallback.ts`. See {@link onEvent}. */
export function onUnhandledEvent(handle: EventFunction<JsonObject>): EventHandler<JsonObject> {
  return { kind: 'fallback', type: 'fallback', handle };
}

/**
 * SQS hides a message for at most 12 hours, counted from the delivery. Lambda may have used 15 minutes of them when the
 * handler throws.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
 */
const MAXIMUM_RETRY_AFTER_SECONDS = (12 * 60 - 15) * 60;

/** Thrown by a handler: the event is retried after the given time. It counts as one of the 5 deliveries. */
export class RetryAfter extends Error {
  override readonly name = 'RetryAfter';
  readonly seconds: number;

  /**
   * @param seconds whole seconds, at most 42,300 (11 hours 45 minutes)
   * @throws {RangeError} if it is not a whole number, or SQS cannot wait that long
   */
  constructor(seconds: number, reason: string) {
    super(reason);
    if (!Number.isInteger(seconds) || seconds < 0 || seconds > MAXIMUM_RETRY_AFTER_SECONDS) {
      throw new RangeError(
        `RetryAfter takes whole seconds from 0 to ${MAXIMUM_RETRY_AFTER_SECONDS} (11 hours 45 minutes), not ${seconds}. ` +
          'To wait longer, store the event and use a schedule.',
      );
    }
    this.seconds = seconds;
  }
}

/** Thrown by a handler: the event is done with. It is logged and counted, and not tried again. */
export class Drop extends Error {
  override readonly name = 'Drop';
}
