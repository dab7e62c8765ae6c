import { isUtf8 } from 'node:buffer';
import { asText, isOldCard, tryParseJsonObject } from './envelope.ts';
import { decryptUnsigned } from './unsigned-ciphertext.ts';

/** A URL verification has about 300 bytes. Larger unsigned bodies are rejected unparsed. */
const MAXIMUM_BYTES = 4 * 1024;

/**
 * The response repeats the challenge, so captured ciphertext that is spliced into a challenge would be decrypted. Each
 * splice needs blocks that decrypt to valid text by chance. This limit fits the platform's challenges, such as UUIDs,
 * but so few blocks that an attacker cannot find them.
 */
const MAXIMUM_CHALLENGE_BYTES = 128;

/** A valid challenge, or the reason why there is none, which is for the log only. */
export type UrlVerificationResult = { challenge: string; reason?: never } | { challenge?: never; reason: string };

/**
 * Reads an unsigned body if an Encrypt Key is set: it must be an encrypted URL verification.
 *
 * The caller must send the same response for every `reason`, and this function always tries every key and runs every
 * step: see {@link decryptUnsigned}.
 *
 * @param isExpectedToken checks the Verification Token, which is `''` if it is missing
 */
export function readEncryptedUrlVerification(
  body: Buffer,
  encryptKeys: readonly string[],
  isExpectedToken: (token: string) => boolean,
): UrlVerificationResult {
  if (body.length > MAXIMUM_BYTES) return { reason: `the body has ${body.length} bytes` };
  const json = isUtf8(body) ? tryParseJsonObject(body.toString('utf8')) : undefined;
  if (json === undefined) return { reason: 'the body is not a JSON object' };
  const { encrypt: encrypted } = json;
  if (typeof encrypted !== 'string') {
    return { reason: 'the body is not encrypted: save the Encrypt Key in the developer console' };
  }
  const results = encryptKeys.map((key) => decryptUrlVerification(encrypted, key, isExpectedToken));
  return results.find(({ challenge }) => challenge !== undefined) ?? (results[0] as UrlVerificationResult);
}

function decryptUrlVerification(
  encrypted: string,
  encryptKey: string,
  isExpectedToken: (token: string) => boolean,
): UrlVerificationResult {
  const { json, problem } = decryptUnsigned(encrypted, encryptKey);
  const challenge = asText(json?.challenge) ?? '';
  const challengeBytes = Buffer.byteLength(challenge);
  const isTokenValid = isExpectedToken(asText(json?.token) ?? '');
  // Every step has run; only now may the results differ.
  if (problem !== undefined || json === undefined) {
    return { reason: `the body cannot be decrypted with FEISHU_ENCRYPT_KEY: ${problem}` };
  }
  if (json.type !== 'url_verification' || isOldCard(json)) return { reason: 'the body is not a URL verification' };
  if (challengeBytes === 0 || challengeBytes > MAXIMUM_CHALLENGE_BYTES) {
    return { reason: `the challenge of the URL verification has ${challengeBytes} bytes` };
  }
  if (!isTokenValid) return { reason: 'the token of the URL verification differs from FEISHU_VERIFICATION_TOKEN' };
  return { challenge };
}
