import { rateLimitSeconds } from '../api-client/rate-limits.ts';
import { RetryAfter } from '../handler.ts';
import { MalformedMessage } from '../queue/malformed-message.ts';
import { LeaseHeld } from '../store/idempotency.ts';

/** After this many deliveries, the queue's redrive policy moves a message to the dead-letter queue. */
export const MAXIMUM_DELIVERIES = 5;

/** The delays are at most 1, 8, 64 and 512 seconds after the first to the fourth failure, from a blip to an outage. */
const BACKOFF_FACTOR = 8;

/**
 * Returns the delay before a failed message is retried. Half of it is jitter, so that messages that failed together are
 * not retried together.
 *
 * @param attempt the number of the delivery that failed, starting at 1
 * @param random from 0 to 1
 * @returns whole seconds
 */
export function retryDelaySeconds(error: unknown, attempt: number, random: number = Math.random()): number {
  if (attempt >= MAXIMUM_DELIVERIES || error instanceof MalformedMessage) return 0;
  if (error instanceof RetryAfter) return error.seconds;
  const limited = rateLimitSeconds(error);
  if (limited !== undefined) return limited;
  const seconds = Math.ceil(BACKOFF_FACTOR ** (attempt - 1) * (0.5 + random / 2));
  // A lease can last as long as an invocation, but most last milliseconds.
  return error instanceof LeaseHeld ? Math.min(seconds, error.seconds) : seconds;
}
