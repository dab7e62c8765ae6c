import { createHash, timingSafeEqual } from 'node:crypto';

/** What the platform signs: two header values as they came, and the body's raw, still encrypted bytes. */
export interface SignedRequest {
  /** `X-Lark-Request-Timestamp` */
  timestamp: string;
  /** `X-Lark-Request-Nonce` */
  nonce: string;
  body: Uint8Array;
}

/** `sha256` with the Encrypt Key: events and callbacks. `sha1` with the Verification Token: the old card callback. */
export type SignatureAlgorithm = 'sha256' | 'sha1';

/**
 * Computes the value of `X-Lark-Signature`: the lower-case hex digest of timestamp, nonce, secret and body,
 * one after the other without separators. It is a plain hash, not an HMAC.
 *
 * @param secret the Encrypt Key (`sha256`) or the Verification Token (`sha1`)
 * @throws {TypeError} when the secret is empty
 * @see https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case
 */
export function sign(request: SignedRequest, secret: string, algorithm: SignatureAlgorithm = 'sha256'): string {
  if (secret === '') throw new TypeError('The secret to sign with is empty');
  return createHash(algorithm)
    .update(request.timestamp)
    .update(request.nonce)
    .update(secret)
    .update(request.body)
    .digest('hex');
}

/**
 * Tells whether a signature is the one that {@link sign} computes. The comparison takes constant time.
 *
 * @param signature `X-Lark-Signature` as it came
 * @param secret the Encrypt Key (`sha256`) or the Verification Token (`sha1`)
 * @throws {TypeError} when the secret is empty
 */
export function verify(
  request: SignedRequest,
  signature: string,
  secret: string,
  algorithm: SignatureAlgorithm = 'sha256',
): boolean {
  const expected = Buffer.from(sign(request, secret, algorithm));
  const actual = Buffer.from(signature);
  // A digest's length is no secret, and timingSafeEqual wants equal lengths.
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}
