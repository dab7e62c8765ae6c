import { MAXIMUM_DELIVERIES } from '../worker/retry.ts';

/** Lambda's maximum. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAXIMUM_SECONDS = 900;
/** Of its timeout, the worker uses 2 s to report the batch. */
const MINIMUM_SECONDS = 3;
/** The four delays between the deliveries add up to at most 585 s. */
const DELAYS_SECONDS = 600;

/**
 * Reads the parameter `workerTimeout`.
 *
 * @returns whole seconds
 * @throws {Error} if the value is not a whole number from 3 to 900
 */
export function readWorkerTimeout(value: unknown): number {
  const seconds = Number(/^\d+$/.test(String(value)) ? value : Number.NaN);
  if (seconds >= MINIMUM_SECONDS && seconds <= MAXIMUM_SECONDS) return seconds;
  throw new Error(
    `The parameter workerTimeout must be whole seconds from ${MINIMUM_SECONDS} to ${MAXIMUM_SECONDS}, not "${value ?? ''}".`,
  );
}

/**
 * Returns for how long the queue hides a delivered message: six timeouts, so that Lambda can retry a throttled invocation.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
export function visibilityTimeoutSeconds(workerTimeoutSeconds: number): number {
  return 6 * workerTimeoutSeconds;
}

/** Returns the age at which an event has waited longer than all of its deliveries can take. */
export function oldEventSeconds(workerTimeoutSeconds: number): number {
  return DELAYS_SECONDS + MAXIMUM_DELIVERIES * workerTimeoutSeconds;
}
