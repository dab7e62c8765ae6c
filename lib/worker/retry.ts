import { rateLimitSeconds } from '../api-client/rate-limits.ts';
import { MAXIMUM_RETRY_AFTER_SECONDS, RetryAfter } from '../handler.ts';
import { MalformedMessage } from '../queue/malformed-message.ts';
import { LeaseHeld } from '../store/idempotency.ts';

/** After this many failed deliveries, an event moves to the dead-letter queue. See `lib/worker/attempts.ts`. */
export const MAXIMUM_DELIVERIES = 5;

/** This many deliveries of an event may end with a rate limit or a `Continue` without counting as failed. */
export const MAXIMUM_RETURNS = 20;

/** After this many deliveries of any kind, the queue's redrive policy moves a message to the dead-letter queue. */
export const MAXIMUM_RECEIVES = MAXIMUM_DELIVERIES + MAXIMUM_RETURNS;

/** The delays are at most 1, 8, 64 and 512 seconds after the first to the fourth failure, from a blip to an outage. */
const BACKOFF_FACTOR = 8;

/** Events that a rate limit returns again and again spread over up to an hour, so that each finds room. */
const LONGEST_SPREAD_SECONDS = 3600;

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

/**
 * Returns the delay before an event is delivered again that a rate limit returned to the queue. It is never shorter than
 * the platform's time. The more often the event was returned, the wider it is spread.
 *
 * @param limitedSeconds whole seconds until the platform accepts the call
 * @param returns how many deliveries of the event a rate limit has returned before
 * @param random from 0 to 1
 * @returns whole seconds
 */
export function returnDelaySeconds(limitedSeconds: number, returns: number, random: number = Math.random()): number {
  const spread = Math.min(2 ** returns - 1, LONGEST_SPREAD_SECONDS) * random;
  return Math.min(limitedSeconds + Math.ceil(spread), MAXIMUM_RETRY_AFTER_SECONDS);
}
