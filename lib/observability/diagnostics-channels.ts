import { channel } from 'node:diagnostics_channel';
import type { EventHeader } from '../feishu/envelope.ts';
import type { ErrorCode } from '../feishu/errors.ts';
import type { EventSource } from '../handler.ts';

// Report what happens to events to subscribers in the same process. The local stack subscribes; in a deployment,
// nothing does, and publishing costs nothing.

/** SQS has stored an event. */
export interface Accepted {
  messageId: string;
  /** `undefined` if the event cannot be read. It is then in the dead-letter queue. */
  header: Pick<EventHeader, 'id' | 'type' | 'version'> | undefined;
  /** Why the event cannot be read. */
  reason?: string;
  /** The decrypted JSON text. */
  text: string;
  /** The JSON of the response to a callback. */
  response?: string;
  source: EventSource;
  /** ISO 8601 */
  receivedAt: string;
  acknowledgedAt: string;
}

/** The webhook has rejected a request. */
export interface Rejected {
  code: ErrorCode;
  /** What is wrong and what to check. Contains no secret and no body. */
  reason: string;
  /** ISO 8601 */
  receivedAt: string;
}

/**
 * The outcome of one delivery of a queue message. `answered`: it is a callback, which had its response before it was
 * queued, and no handler processes it further. `unhandled`: no handler exists for its type. `retrying`: it failed, and is
 * retried or moves to the dead-letter queue. `limited`: it waits in the queue because of a rate limit. `continued`: its
 * handler threw a `Continue`. Neither counts as an attempt.
 */
export type Outcome =
  | 'handled'
  | 'answered'
  | 'dropped'
  | 'unhandled'
  | 'duplicate'
  | 'retrying'
  | 'limited'
  | 'continued';

/** The worker has processed one delivery of a queue message. */
export interface Processed {
  messageId: string;
  outcome: Outcome;
  /** Why the event was dropped, failed, is a duplicate, or has no handler that processes it from the queue. */
  reason?: string;
  /** The processing time. */
  milliseconds: number;
  /** When the message becomes visible again, as ISO 8601, unless this was the last attempt. */
  retryAt?: string;
}

/** The event whose handler runs. */
export interface HandledEvent {
  eventId: string | undefined;
}

export const acceptedChannel = channel('feishu-events:accepted');
export const rejectedChannel = channel('feishu-events:rejected');
export const processedChannel = channel('feishu-events:processed');
/** Runs each handler in `runStores` with a {@link HandledEvent}, so that a subscriber can attribute what the handler does to its event. */
export const handlerChannel = channel('feishu-events:handler');
