import { RetryAfter } from '../handler.ts';
import { MalformedMessage } from '../queue/malformed-message.ts';
import { LeaseHeld } from '../store/idempotency.ts';

/** After this many deliveries the queue's redrive policy moves a message to the dead-letter queue. */
export const MAXIMUM_DELIVERIES = 5;

/** The wait grows from a blip to an outage: up to 1, 8, 64 and 512 seconds after the first to the fourth failure. */
const BACKOFF_FACTOR = 8;

/**
 * The time after which a failed message comes back. Half of it is chance, so that what failed together does not come
 * back together.
 *
 * @param attempt how often the message has been delivered, from 1
 * @param random from 0 to 1
 * @returns whole seconds
 */
export function retryDelaySeconds(error: unknown, attempt: number, random: number = Math.random()): number {
  if (attempt >= MAXIMUM_DELIVERIES || error instanceof MalformedMessage) return 0;
  if (error instanceof RetryAfter) return error.seconds;
  const seconds = Math.ceil(BACKOFF_FACTOR ** (attempt - 1) * (0.5 + random / 2));
  // A claim may be held for as long as a function runs, but most are for milliseconds.
  return error instanceof LeaseHeld ? Math.min(seconds, error.seconds) : seconds;
}
