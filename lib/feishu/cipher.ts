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
 * Encrypt Key; the result is the base64 of a 16-byte initialization vector followed by the ciphertext.
 *
 * @returns the value of the body's `encrypt` field
 * @throws {TypeError} when the Encrypt Key is empty
 * @see https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case
 */
export function encrypt(text: string, encryptKey: string): string {
  const initializationVector = randomBytes(BLOCK_BYTES);
  const cipher = createCipheriv(ALGORITHM, deriveKey(encryptKey), initializationVector);
  return Buffer.concat([initializationVector, cipher.update(Buffer.from(text)), cipher.final()]).toString('base64');
}

/**
 * Decrypts what {@link encrypt} produces.
 *
 * @param encrypted the value of the body's `encrypt` field
 * @throws {FeishuError} `FEISHU_BODY_NOT_DECRYPTABLE` when it is not base64, not a whole number of blocks, wrongly
 *   padded or not UTF-8
 * @throws {TypeError} when the Encrypt Key is empty
 */
export function decrypt(encrypted: string, encryptKey: string): string {
  const { bytes, isPaddingRight } = decryptBlocks(encrypted, encryptKey);
  if (!isPaddingRight) throw undecryptable('the padding is wrong');
  if (!isUtf8(bytes)) throw undecryptable('the decrypted bytes are not UTF-8');
  return bytes.toString('utf8');
}

/**
 * Decrypts without judging the result: a caller that must not reveal what an unsigned body decrypts to treats every
 * result alike.
 *
 * @param encrypted the value of the body's `encrypt` field
 * @returns the bytes without their padding; with it when it is wrong
 * @throws {FeishuError} `FEISHU_BODY_NOT_DECRYPTABLE` when it is not base64 or not a whole number of blocks
 * @throws {TypeError} when the Encrypt Key is empty
 */
export function decryptBlocks(encrypted: string, encryptKey: string): { bytes: Buffer; isPaddingRight: boolean } {
  const ciphertext = decodeBase64(encrypted);
  if (ciphertext.length < 2 * BLOCK_BYTES || ciphertext.length % BLOCK_BYTES !== 0) {
    throw undecryptable(
      `${ciphertext.length} bytes are not an initialization vector and whole blocks of ${BLOCK_BYTES}`,
    );
  }
  const decipher = createDecipheriv(ALGORITHM, deriveKey(encryptKey), ciphertext.subarray(0, BLOCK_BYTES));
  // The cipher's own check of the padding takes longer when it fails.
  decipher.setAutoPadding(false);
  const bytes = Buffer.concat([decipher.update(ciphertext.subarray(BLOCK_BYTES)), decipher.final()]);
  const paddingBytes = countPadding(bytes.subarray(-BLOCK_BYTES));
  return { bytes: bytes.subarray(0, bytes.length - paddingBytes), isPaddingRight: paddingBytes > 0 };
}

/** A key object: the cipher takes 8 µs more to set up with the bytes of the key. */
function deriveKey(encryptKey: string): KeyObject {
  if (encryptKey === '') throw new TypeError('The Encrypt Key is empty');
  return createSecretKey(createHash('sha256').update(encryptKey).digest());
}

function decodeBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  // Buffer.from skips characters that are not base64. The result is then shorter than the text promises.
  if (bytes.length !== (text.length / 4) * 3 - padding) {
    throw undecryptable('the "encrypt" field is not base64');
  }
  return bytes;
}

/**
 * Counts the bytes of PKCS#7 padding, always comparing the whole block.
 *
 * @returns 0 when the padding is wrong
 */
function countPadding(lastBlock: Buffer): number {
  const count = lastBlock.at(-1) ?? 0;
  const isRight = lastBlock.map((byte, index) => Number(index < BLOCK_BYTES - count || byte === count));
  const rightBytes = isRight.reduce((sum, right) => sum + right, 0);
  return count <= BLOCK_BYTES && rightBytes === BLOCK_BYTES ? count : 0;
}

function undecryptable(reason: string): FeishuError {
  return new FeishuError(
    'FEISHU_BODY_NOT_DECRYPTABLE',
    `The body cannot be decrypted: ${reason}. Is FEISHU_ENCRYPT_KEY the Encrypt Key of this app's developer console?`,
  );
}
