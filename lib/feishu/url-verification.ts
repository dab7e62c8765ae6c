import { isUtf8 } from 'node:buffer';
import { decryptBlocks } from './cipher.ts';
import { asText, isOldCard, tryParseJsonObject } from './envelope.ts';

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
 * Anyone can send such a body, and CBC lets an attacker change a captured one and test whether it still decrypts to
 * JSON (a decryption oracle). So the caller must send the same response for every `reason`, and this function always
 * tries every key and runs every step.
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
    // The sender learns nothing: this depends only on the length and characters of the request.
    return { reason: 'the "encrypt" field is not base64 of whole blocks' };
  }
  const { bytes, isPaddingValid } = decrypted;
  const isText = isUtf8(bytes);
  const json = tryParseJsonObject(bytes.toString('utf8'));
  // Parsing takes 10 µs longer if it fails, so every body causes one success and one failure.
  // Stryker disable next-line StringLiteral: any text that is not JSON fails
  tryParseJsonObject(json === undefined ? '{}' : '');
  const challenge = asText(json?.challenge) ?? '';
  const challengeBytes = Buffer.byteLength(challenge);
  const isTokenValid = isExpectedToken(asText(json?.token) ?? '');
  // Every step has run; only now may the results differ.
  if (!isPaddingValid || !isText || json === undefined) {
    const problem = isPaddingValid ? 'the result is not a JSON object' : 'the padding is invalid';
    return { reason: `the body cannot be decrypted with FEISHU_ENCRYPT_KEY: ${problem}` };
  }
  if (json.type !== 'url_verification' || isOldCard(json)) return { reason: 'the body is not a URL verification' };
  if (challengeBytes === 0 || challengeBytes > MAXIMUM_CHALLENGE_BYTES) {
    return { reason: `the challenge of the URL verification has ${challengeBytes} bytes` };
  }
  if (!isTokenValid) return { reason: 'the token of the URL verification differs from FEISHU_VERIFICATION_TOKEN' };
  return { challenge };
}
