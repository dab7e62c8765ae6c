import { isUtf8 } from 'node:buffer';
import { decryptBlocks } from './cipher.ts';
import { asText, isOldCard, tryParseJsonObject } from './envelope.ts';

/** A URL verification has about 300 bytes. Larger unsigned bodies are rejected unparsed. */
const MAXIMUM_BYTES = 4 * 1024;

/**
 * The response repeats the challenge, so a challenge into which captured ciphertext was spliced would decrypt it. Each
 * splice needs blocks that decrypt to valid text by chance. The platform's challenges, such as UUIDs, are shorter; this
 * leaves room for so few of them that they cannot be found.
 */
const MAXIMUM_CHALLENGE_BYTES = 128;

/** A valid challenge, or why there is none: for the log only. */
export type UrlVerificationResult = { challenge: string; reason?: never } | { challenge?: never; reason: string };

/**
 * Reads an unsigned body while an Encrypt Key is set: it must be an encrypted URL verification.
 *
 * Anyone can send such a body, and CBC lets them change a captured one and see whether it still decrypts to JSON (a
 * decryption oracle). So the caller responds alike to every `reason`, and every key and every step is tried, whatever
 * the previous one found.
 *
 * @param isExpectedToken checks the Verification Token; an empty one stands for a missing one
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
    return { reason: 'the body is not encrypted: is the Encrypt Key saved in the developer console?' };
  }
  const results = encryptKeys.map((key) => decryptUrlVerification(encrypted, key, isExpectedToken));
  return results.find(({ challenge }) => challenge !== undefined) ?? (results[0] as UrlVerificationResult);
}

function decryptUrlVerification(
  encrypted: string,
  encryptKey: string,
  isExpectedToken: (token: string) => boolean,
): UrlVerificationResult {
  let decrypted: ReturnType<typeof decryptBlocks>;
  try {
    decrypted = decryptBlocks(encrypted, encryptKey);
  } catch {
    // It depends on the length and the characters alone, which the sender knows.
    return { reason: 'the "encrypt" field is not the base64 of whole blocks' };
  }
  const { bytes, isPaddingRight } = decrypted;
  const isText = isUtf8(bytes);
  const json = tryParseJsonObject(bytes.toString('utf8'));
  // Parsing takes 10 µs longer when it fails. So for every body one succeeds and one fails.
  // Stryker disable next-line StringLiteral: every text that is not JSON fails
  tryParseJsonObject(json === undefined ? '{}' : '');
  const challenge = asText(json?.challenge) ?? '';
  const challengeBytes = Buffer.byteLength(challenge);
  const isTokenRight = isExpectedToken(asText(json?.token) ?? '');
  // Only now, when every step has run.
  if (!isPaddingRight || !isText || json === undefined) {
    const problem = isPaddingRight ? 'the result is not a JSON object' : 'the padding is wrong';
    return { reason: `the body cannot be decrypted with FEISHU_ENCRYPT_KEY: ${problem}` };
  }
  if (json.type !== 'url_verification' || isOldCard(json)) return { reason: 'the body is not a URL verification' };
  if (challengeBytes === 0 || challengeBytes > MAXIMUM_CHALLENGE_BYTES) {
    return { reason: `the challenge of the URL verification has ${challengeBytes} bytes` };
  }
  if (!isTokenRight) return { reason: 'the token of the URL verification is not FEISHU_VERIFICATION_TOKEN' };
  return { challenge };
}
