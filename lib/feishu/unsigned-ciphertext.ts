import { isUtf8 } from 'node:buffer';
import { decryptBlocks } from './cipher.ts';
import { type JsonObject, tryParseJsonObject } from './envelope.ts';

/** What a ciphertext decrypts to. It is not authentic: the caller must compare the token in it. */
export interface UnsignedContent {
  /** May be set although there is a problem, so that the caller can do the same work. */
  json: JsonObject | undefined;
  text: string;
  /** Why the content is invalid. For the log only. */
  problem: string | undefined;
}

/**
 * Decrypts a body that nothing signs, and runs every step whatever the result is.
 *
 * Anyone can send such a body, and CBC lets an attacker change a captured one and test whether it still decrypts to
 * JSON (a decryption oracle). So the caller must do the same work and send the same response for every problem.
 *
 * @param encrypted the value of the body's `encrypt` field
 * @param key the Encrypt Key, or the key of an approval's definition
 */
export function decryptUnsigned(encrypted: string, key: string): UnsignedContent {
  let decrypted: ReturnType<typeof decryptBlocks>;
  try {
    decrypted = decryptBlocks(encrypted, key);
  } catch {
    // The sender learns nothing: this depends only on the length and characters of the request.
    return { json: undefined, text: '', problem: 'the "encrypt" field is not base64 of whole blocks' };
  }
  const { bytes, isPaddingValid } = decrypted;
  const isText = isUtf8(bytes);
  const text = bytes.toString('utf8');
  const json = tryParseJsonObject(text);
  // Parsing takes 10 µs longer if it fails, so every body causes one success and one failure.
  // Stryker disable next-line StringLiteral: any text that is not JSON fails
  tryParseJsonObject(json === undefined ? '{}' : '');
  if (isPaddingValid && isText && json !== undefined) return { json, text, problem: undefined };
  return { json, text, problem: isPaddingValid ? 'the result is not a JSON object' : 'the padding is invalid' };
}
