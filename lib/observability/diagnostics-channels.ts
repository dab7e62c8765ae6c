import { channel } from 'node:diagnostics_channel';
import type { EventHeader } from '../feishu/envelope.ts';
import type { EventSource } from '../handler.ts';

// What happens to events, for whoever listens in the same process. Deployed nobody does, and publishing is then free;
// the local stack shows it to a person.

/** SQS has accepted an event. */
export interface Accepted {
  messageId: string;
  header: EventHeader;
  /** The decrypted JSON text. */
  text: string;
  source: EventSource;
  /** ISO 8601 */
  receivedAt: string;
  acknowledgedAt: string;
}

/**
 * What became of one delivery of a queue message. `unhandled`: there is no handler for its type. `retrying`: it comes
 * back, or goes to the dead-letter queue.
 */
export type Outcome = 'handled' | 'dropped' | 'unhandled' | 'duplicate' | 'retrying';

/** The worker is through with one delivery of a queue message. */
export interface Processed {
  messageId: string;
  outcome: Outcome;
  /** Why it was dropped or failed. */
  reason?: string;
  /** What the delivery took the worker. */
  milliseconds: number;
}

export const acceptedChannel = channel('feishu-events:accepted');
export const processedChannel = channel('feishu-events:settled');
