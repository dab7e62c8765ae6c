import { isUtf8 } from 'node:buffer';
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { FeishuError } from './errors.ts';

const ALGORITHM = 'aes-256-cbc';
const BLOCK_BYTES = 16;

/**
 * Encrypts a text as the platform does: AES-256-CBC with PKCS#7 padding, the key being the SHA-256 of the
 * Encrypt Key; the result is the base64 of a 16-byte initialisation vector followed by the ciphertext.
 *
 * @returns the value of the body's `encrypt` field
 * @throws {TypeError} when the Encrypt Key is empty
 * @see https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case
 */
export function encrypt(text: string, encryptKey: string): string {
  const initialisationVector = randomBytes(BLOCK_BYTES);
  const cipher = createCipheriv(ALGORITHM, deriveKey(encryptKey), initialisationVector);
  return Buffer.concat([initialisationVector, cipher.update(Buffer.from(text)), cipher.final()]).toString('base64');
}

/**
 * Decrypts what {@link encrypt} produces.
 *
 * @param encrypted the value of the body's `encrypt` field
 * @throws {FeishuError} `FEISHU_BODY_NOT_DECRYPTABLE` when it is no base64, too short, no whole number of blocks,
 *   wrongly padded or no UTF-8
 * @throws {TypeError} when the Encrypt Key is empty
 */
export function decrypt(encrypted: string, encryptKey: string): string {
  const bytes = decodeBase64(encrypted);
  if (bytes.length < 2 * BLOCK_BYTES || bytes.length % BLOCK_BYTES !== 0) {
    throw undecryptable(`${bytes.length} bytes are not an initialisation vector and whole blocks of ${BLOCK_BYTES}`);
  }
  const decipher = createDecipheriv(ALGORITHM, deriveKey(encryptKey), bytes.subarray(0, BLOCK_BYTES));
  const text = Buffer.concat([decipher.update(bytes.subarray(BLOCK_BYTES)), finish(decipher)]);
  if (!isUtf8(text)) throw undecryptable('the decrypted bytes are no UTF-8 text');
  return text.toString('utf8');
}

/** A key object: the cipher takes 8 µs more to set up with the bytes of the key. */
function deriveKey(encryptKey: string): KeyObject {
  if (encryptKey === '') throw new TypeError('The Encrypt Key is empty');
  return createSecretKey(createHash('sha256').update(encryptKey).digest());
}

function decodeBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  // Buffer.from skips what is no base64, so that a shorter result than the text promises gives it away.
  if (bytes.length !== (text.length / 4) * 3 - padding) {
    throw undecryptable('the "encrypt" field is no base64');
  }
  return bytes;
}

function finish(decipher: ReturnType<typeof createDecipheriv>): Buffer {
  try {
    return decipher.final();
  } catch (cause) {
    throw undecryptable('the padding is wrong', cause);
  }
}

function undecryptable(reason: string, cause?: unknown): FeishuError {
  return new FeishuError(
    'FEISHU_BODY_NOT_DECRYPTABLE',
    `The body cannot be decrypted: ${reason}. Is FEISHU_ENCRYPT_KEY the Encrypt Key of this app's developer console?`,
    { cause },
  );
}
