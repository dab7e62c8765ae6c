import { createHash, timingSafeEqual } from 'node:crypto';

/** Compares digests in constant time: they have the same length even if the secrets do not. */
export function isSameSecret(actual: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(actual), digest(expected));
}
