import { createCipheriv, createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decrypt, encrypt } from '../../lib/feishu/cipher.ts';
import { rejectionOf } from '../support/rejection.ts';
import { runs } from '../support/volume.ts';

const KEY = 'kudryavka';
/** Any text, with characters from every plane. */
const anyText = fc.string({ unit: 'binary', maxLength: 40 });
/** Any JavaScript string, including unpaired surrogates. */
const anyString = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
  .map((units) => String.fromCharCode(...units));

/** Encrypts bytes unchanged. `encrypt` cannot produce invalid padding or invalid UTF-8. */
function encryptBytes(bytes: Uint8Array, { isPadded }: { isPadded: boolean }): string {
  const initializationVector = Buffer.alloc(16, 7);
  const cipher = createCipheriv('aes-256-cbc', createHash('sha256').update(KEY).digest(), initializationVector);
  cipher.setAutoPadding(isPadded);
  return Buffer.concat([initializationVector, cipher.update(bytes), cipher.final()]).toString('base64');
}

describe('decrypt', () => {
  it('decrypts the example from the official documentation', () => {
    expect(decrypt('P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=', 'test key')).toBe('hello world');
  });

  // Made with `openssl enc -aes-256-cbc -K "$(printf kudryavka | sha256sum)" -iv 000102030405060708090a0b0c0d0e0f`.
  it.each([
    ['AAECAwQFBgcICQoLDA0OD/DDC4eGi/Egy6yLNTH6hKE8wdClPXUDQgVw+jywQSLp', '{"text":"你好，世界 👋"}'],
    ['AAECAwQFBgcICQoLDA0OD3IUuVFPrXiICyVpCo+6o8Y=', ''],
    ['AAECAwQFBgcICQoLDA0OD7v/MEtGlmT13Ru+VmlnWEo=', '\uFEFF{}'],
  ])('decrypts the output of OpenSSL: %s', (encrypted, text) => {
    expect(decrypt(encrypted, KEY)).toBe(text);
  });

  it('returns any text that was encrypted', () => {
    fc.assert(
      fc.property(anyText, fc.string({ minLength: 1 }), (text, key) => {
        expect(decrypt(encrypt(text, key), key)).toBe(text);
      }),
      { numRuns: runs(10_000) },
    );
  });

  it('returns U+FFFD for an unpaired surrogate, which UTF-8 cannot encode', () => {
    fc.assert(
      fc.property(anyString, (text) => {
        expect(decrypt(encrypt(text, KEY), KEY)).toBe(text.toWellFormed());
      }),
      { numRuns: runs(5000) },
    );
  });

  it('returns a text of one megabyte', () => {
    const text = '收到消息 👋 '.repeat(60_000);
    expect(decrypt(encrypt(text, KEY), KEY) === text).toBe(true);
  });
});

describe('a body that decrypt rejects', () => {
  const validBody = 'AAECAwQFBgcICQoLDA0OD3IUuVFPrXiICyVpCo+6o8Y=';

  it.each([
    ['a character that is not base64', validBody.replace('U', '!'), 'not base64'],
    ['truncated base64', validBody.slice(0, -1), 'not base64'],
    ['base64 without its padding', validBody.replace('=', ''), 'not base64'],
    ['base64 with a line break', `${validBody.slice(0, 40)}\n${validBody.slice(40)}`, 'not base64'],
    ['base64 with padding in the middle', validBody.replace('Uu', '=='), 'not base64'],
    ['Chinese', '你好你好', 'not base64'],
    ['only base64 padding', '====', 'not base64'],
    ['no bytes', '', '0 bytes are not'],
    ['an incomplete initialization vector', Buffer.alloc(15).toString('base64'), '15 bytes are not'],
    ['only an initialization vector', Buffer.alloc(16).toString('base64'), '16 bytes are not'],
    ['an incomplete block', Buffer.alloc(47).toString('base64'), '47 bytes are not'],
    ['padding of zero bytes', 'AAECAwQFBgcICQoLDA0OD2wmlAfnUIIvKFGFCKrgPnY=', 'padding'],
    ['padding longer than a block', 'AAECAwQFBgcICQoLDA0OD3Sy7ZWsk4b7Porr25Q43d0=', 'padding'],
    ['padding of different bytes', 'AAECAwQFBgcICQoLDA0ODzOCqX0Yy1GhgIC9Qmdfo3g=', 'padding'],
    ['invalid UTF-8', 'AAECAwQFBgcICQoLDA0OD+SymhGoo3OdjULnCglIyHs=', 'not valid UTF-8'],
    ['an encoded unpaired surrogate', 'AAECAwQFBgcICQoLDA0OD+5vdacnY5WRBA0exM5WJUE=', 'not valid UTF-8'],
  ])('has %s', (_name, encrypted, reason) => {
    const refusal = rejectionOf(() => decrypt(encrypted, KEY));
    expect(refusal).toMatchObject({ code: 'FEISHU_BODY_NOT_DECRYPTABLE', status: 400 });
    expect(refusal?.message).toContain(reason);
    expect(refusal?.message).toContain('FEISHU_ENCRYPT_KEY');
  });

  it('was encrypted with another key', () => {
    expect(rejectionOf(() => decrypt(encrypt('{"schema":"2.0"}', 'another key'), KEY))?.status ?? 'read').not.toBe(
      'read',
    );
  });

  it('always fails with FEISHU_BODY_NOT_DECRYPTABLE', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.base64String(),
      fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes).toString('base64')),
      fc.uint8Array({ minLength: 16, maxLength: 48 }).map((bytes) => encryptBytes(bytes, { isPadded: true })),
    );
    fc.assert(
      fc.property(anything, (encrypted) => {
        const refusal = rejectionOf(() => decrypt(encrypted, KEY));
        expect(refusal?.code ?? 'FEISHU_BODY_NOT_DECRYPTABLE').toBe('FEISHU_BODY_NOT_DECRYPTABLE');
      }),
      { numRuns: runs(10_000) },
    );
  });

  it('has a last block without valid PKCS#7 padding', () => {
    const isPadding = (block: Uint8Array) => {
      const count = block.at(-1) ?? 0;
      return count >= 1 && count <= 16 && block.slice(-count).every((byte) => byte === count);
    };
    const invalid = fc.uint8Array({ minLength: 16, maxLength: 16 }).filter((block) => !isPadding(block));
    fc.assert(
      fc.property(invalid, (block) => {
        const refusal = rejectionOf(() => decrypt(encryptBytes(block, { isPadded: false }), KEY));
        expect(refusal?.message).toContain('padding');
      }),
      { numRuns: runs(1000) },
    );
  });
});

describe('encrypt', () => {
  it('returns base64 of an initialization vector and whole blocks', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const bytes = Buffer.from(encrypt(text, KEY), 'base64');
        const blocks = Math.floor(Buffer.byteLength(text) / 16) + 1;
        expect(bytes.length).toBe(16 + blocks * 16);
      }),
      { numRuns: runs(1000) },
    );
  });

  it('never returns the same value twice, because the initialization vector is random', () => {
    const results = Array.from({ length: 1000 }, () => encrypt('the same text', KEY).slice(0, 21));
    expect(new Set(results).size).toBe(results.length);
  });

  it('rejects an empty key, with which anyone could decrypt', () => {
    const error = new TypeError('The Encrypt Key is empty');
    expect(() => encrypt('text', '')).toThrow(error);
    expect(() => decrypt('P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=', '')).toThrow(error);
  });
});
