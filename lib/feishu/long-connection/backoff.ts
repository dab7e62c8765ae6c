/**
 * Computes the delay before the next attempt: exponential backoff with full jitter, so that clients that lost their
 * connections at the same time do not reconnect at the same time.
 *
 * @param failures the number of consecutive failed attempts, from 1
 * @param firstMs the maximum delay after the first failure; it doubles with each further failure
 * @param longestMs the upper limit of the maximum delay
 * @param random from 0 (inclusive) to 1 (exclusive)
 * @returns milliseconds
 */
export function backoff(failures: number, firstMs: number, longestMs: number, random = Math.random()): number {
  return random * Math.min(longestMs, firstMs * 2 ** (failures - 1));
}
