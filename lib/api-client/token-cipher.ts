import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** Separates the key from any other that might be derived from the app secret. */
const PURPOSE = 'feishu-events: tenant access token in DynamoDB';

/**
 * Encrypts a token with AES-256-GCM, and a key that HKDF-SHA-256 (RFC 5869) derives from the app secret.
 *
 * @param context whose token it is and until when. {@link openToken} needs the same.
 * @returns the initialization vector, the authentication tag and the ciphertext
 */
export function sealToken(token: string, appSecret: string, context: readonly unknown[]): Uint8Array {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(ALGORITHM, deriveKey(appSecret), iv).setAAD(contextBytes(context));
  const ciphertext = [cipher.update(token, 'utf8'), cipher.final()];
  return Buffer.concat([iv, cipher.getAuthTag(), ...ciphertext]);
}

/** @returns `undefined` if the app secret or the context differs, or the token was changed */
export function openToken(sealed: Uint8Array, appSecret: string, context: readonly unknown[]): string | undefined {
  try {
    const iv = sealed.subarray(0, IV_BYTES);
    const tag = sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES);
    const decipher = createDecipheriv(ALGORITHM, deriveKey(appSecret), iv, { authTagLength: TAG_BYTES });
    decipher.setAAD(contextBytes(context)).setAuthTag(tag);
    return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}

function deriveKey(appSecret: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', appSecret, '', PURPOSE, KEY_BYTES));
}

function contextBytes(context: readonly unknown[]): Uint8Array {
  return Buffer.from(JSON.stringify(context));
}
