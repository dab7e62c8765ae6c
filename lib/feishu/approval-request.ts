import { isUtf8 } from 'node:buffer';
import { asText, tryParseJsonObject } from './envelope.ts';
import { isSameSecret } from './same-secret.ts';
import { decryptUnsigned } from './unsigned-ciphertext.ts';

/** The secrets of one URL, as in the approval's definition. */
export interface ApprovalSecrets {
  token: string;
  /** `undefined`: the definition has no key, so nothing is encrypted. */
  key: string | undefined;
}

/** An authentic request's JSON text, which contains the token, or the reason why it is not authentic, for the log only. */
export type ApprovalRequestResult = { text: string; reason?: never } | { text?: never; reason: string };

/** Requests have a few kilobytes. Larger ones are rejected unparsed. */
const MAXIMUM_BYTES = 256 * 1024;

/**
 * Verifies and decrypts a request of Approval. Nothing signs it: the token in it is the only proof of its origin. The
 * caller must send the same response for every `reason`: see {@link decryptUnsigned}.
 *
 * @param mustBeEncrypted whether the platform encrypts the request if there is a key. If not, it may still do so.
 */
export function readApprovalRequest(
  body: Buffer,
  { token, key }: ApprovalSecrets,
  mustBeEncrypted: boolean,
): ApprovalRequestResult {
  if (body.length > MAXIMUM_BYTES) return { reason: `the body has ${body.length} bytes` };
  const plainText = body.toString('utf8');
  const plain = isUtf8(body) ? tryParseJsonObject(plainText) : undefined;
  if (plain === undefined) return { reason: 'the body is not a JSON object' };
  const { encrypt: encrypted } = plain;
  if (typeof encrypted !== 'string') {
    if (key !== undefined && mustBeEncrypted) return { reason: 'the body is not encrypted, although there is a key' };
    return isSameSecret(asText(plain.token) ?? '', token) ? { text: plainText } : { reason: WRONG_TOKEN };
  }
  if (key === undefined) return { reason: 'the body is encrypted, but there is no key' };
  const { json, text, problem } = decryptUnsigned(encrypted, key);
  const isTokenValid = isSameSecret(asText(json?.token) ?? '', token);
  // Every step has run; only now may the results differ.
  if (problem !== undefined) return { reason: `the body cannot be decrypted with the key: ${problem}` };
  return isTokenValid ? { text } : { reason: WRONG_TOKEN };
}

const WRONG_TOKEN = 'the token differs from that of the module';
