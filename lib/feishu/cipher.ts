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
 * Encrypts text the way the platform does: AES-256-CBC with PKCS#7 padding. The key is the SHA-256 hash of the
 * Encrypt Key.
 *
 * @returns the value of the body's `encrypt` field: base64 of a 16-byte initialization vector and the ciphertext
 * @throws {TypeError} if the Encrypt Key is empty
 * @see https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case
 */
export function encrypt(text: string, encryptKey: string): string {
  const initializationVector = randomBytes(BLOCK_BYTES);
  const cipher = createCipheriv(ALGORITHM, deriveKey(encryptKey), initializationVector);
  return Buffer.concat([initializationVector, cipher.update(Buffer.from(text)), cipher.final()]).toString('base64');
}

/**
 * Decrypts the result of {@link encrypt}.
 *
 * @param encrypted the value of the body's `encrypt` field
 * @throws {FeishuError} `FEISHU_BODY_NOT_DECRYPTABLE` if it is not base64, not a whole number of blocks, incorrectly
 *   padded or not UTF-8
 * @throws {TypeError} if the Encrypt Key is empty
 */
export function decrypt(encrypted: string, encryptKey: string): string {
  const { bytes, isPaddingValid } = decryptBlocks(encrypted, encryptKey);
  if (!isPaddingValid) throw undecryptable('the padding is invalid');
  if (!isUtf8(bytes)) throw undecryptable('the decrypted bytes are not valid UTF-8');
  return bytes.toString('utf8');
}

/**
 * Decrypts without rejecting invalid padding, so that callers can treat valid and invalid results alike and reveal
 * nothing about an unsigned body.
 *
 * @param encrypted the value of the body's `encrypt` field
 * @returns the bytes, without their padding if it is valid
 * @throws {FeishuError} `FEISHU_BODY_NOT_DECRYPTABLE` if it is not base64 or not a whole number of blocks
 * @throws {TypeError} if the Encrypt Key is empty
 */
export function decryptBlocks(encrypted: string, encryptKey: string): { bytes: Buffer; isPaddingValid: boolean } {
  const ciphertext = decodeBase64(encrypted);
  if (ciphertext.length < 2 * BLOCK_BYTES || ciphertext.length % BLOCK_BYTES !== 0) {
    throw undecryptable(
      `${ciphertext.length} bytes are not an initialization vector followed by whole blocks of ${BLOCK_BYTES} bytes`,
    );
  }
  const decipher = createDecipheriv(ALGORITHM, deriveKey(encryptKey), ciphertext.subarray(0, BLOCK_BYTES));
  // The cipher's padding check takes longer if it fails.
  decipher.setAutoPadding(false);
  const bytes = Buffer.concat([decipher.update(ciphertext.subarray(BLOCK_BYTES)), decipher.final()]);
  const paddingBytes = countPadding(bytes.subarray(-BLOCK_BYTES));
  return { bytes: bytes.subarray(0, bytes.length - paddingBytes), isPaddingValid: paddingBytes > 0 };
}

/** Returns a key object, because creating a cipher from key bytes takes 8 µs longer. */
function deriveKey(encryptKey: string): KeyObject {
  if (encryptKey === '') throw new TypeError('The Encrypt Key is empty');
  return createSecretKey(createHash('sha256').update(encryptKey).digest());
}

function decodeBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  // Buffer.from skips invalid characters, so the result would be shorter than expected.
  if (bytes.length !== (text.length / 4) * 3 - padding) {
    throw undecryptable('the "encrypt" field is not base64');
  }
  return bytes;
}

/**
 * Counts the bytes of PKCS#7 padding. Always compares the whole block, so that the time reveals nothing.
 *
 * @returns 0 if the padding is invalid
 */
function countPadding(lastBlock: Buffer): number {
  const count = lastBlock.at(-1) ?? 0;
  const matches = lastBlock.map((byte, index) => Number(index < BLOCK_BYTES - count || byte === count));
  const matchingBytes = matches.reduce((sum, match) => sum + match, 0);
  return count <= BLOCK_BYTES && matchingBytes === BLOCK_BYTES ? count : 0;
}

function undecryptable(reason: string): FeishuError {
  return new FeishuError(
    'FEISHU_BODY_NOT_DECRYPTABLE',
    `The body cannot be decrypted: ${reason}. Is FEISHU_ENCRYPT_KEY the Encrypt Key in this app's developer console?`,
  );
}
