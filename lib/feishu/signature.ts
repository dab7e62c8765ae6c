import { createHash, timingSafeEqual } from 'node:crypto';

/** The parts of a request that the platform signs: two header values and the raw, still encrypted body. */
export interface SignedRequest {
  /** `X-Lark-Request-Timestamp` */
  timestamp: string;
  /** `X-Lark-Request-Nonce` */
  nonce: string;
  body: Uint8Array;
}

/** `sha256` (Encrypt Key) for events and callbacks, `sha1` (Verification Token) for the old card callback. */
export type SignatureAlgorithm = 'sha256' | 'sha1';

/**
 * Computes the value of `X-Lark-Signature`: the lower-case hexadecimal digest of timestamp, nonce, secret and body,
 * concatenated without separators. It is a plain hash, not an HMAC.
 *
 * @param secret the Encrypt Key (`sha256`) or the Verification Token (`sha1`)
 * @throws {TypeError} if the secret is empty
 * @see https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case
 */
export function sign(request: SignedRequest, secret: string, algorithm: SignatureAlgorithm = 'sha256'): string {
  if (secret === '') throw new TypeError('The signing secret is empty');
  return createHash(algorithm)
    .update(request.timestamp)
    .update(request.nonce)
    .update(secret)
    .update(request.body)
    .digest('hex');
}

/**
 * Returns whether a signature equals the one that {@link sign} computes. The comparison takes constant time.
 *
 * @param signature the value of `X-Lark-Signature`
 * @param secret the Encrypt Key (`sha256`) or the Verification Token (`sha1`)
 * @throws {TypeError} if the secret is empty
 */
export function verify(
  request: SignedRequest,
  signature: string,
  secret: string,
  algorithm: SignatureAlgorithm = 'sha256',
): boolean {
  const expected = Buffer.from(sign(request, secret, algorithm));
  const actual = Buffer.from(signature);
  // timingSafeEqual requires equal lengths. A digest's length is not secret.
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}
