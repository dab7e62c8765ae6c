/**
 * Computes how long to wait before the next attempt: exponential with full jitter, so that many clients that lost
 * their connection at once do not come back at once.
 *
 * @param failures how many attempts failed one after the other, from 1
 * @param firstMs the longest wait after the first failure; it doubles with each further one
 * @param longestMs what it stops doubling at
 * @param random from 0 (inclusive) to 1 (exclusive)
 * @returns milliseconds
 */
export function backoff(failures: number, firstMs: number, longestMs: number, random = Math.random()): number {
  return random * Math.min(longestMs, firstMs * 2 ** (failures - 1));
}
