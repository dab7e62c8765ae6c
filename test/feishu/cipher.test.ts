import { createCipheriv, createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decrypt, encrypt } from '../../lib/feishu/cipher.ts';
import { rejectionOf } from '../support/rejection.ts';
import { runs } from '../support/volume.ts';

const KEY = 'kudryavka';
/** Any text, with characters of every plane. */
const anyText = fc.string({ unit: 'binary', maxLength: 40 });
/** Any string of JavaScript, so that halves of surrogate pairs stand alone. */
const anyString = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
  .map((units) => String.fromCharCode(...units));

/** Encrypts bytes as they are: `encrypt` would not write a wrong padding or what is no UTF-8. */
function encryptBytes(bytes: Uint8Array, { isPadded }: { isPadded: boolean }): string {
  const initialisationVector = Buffer.alloc(16, 7);
  const cipher = createCipheriv('aes-256-cbc', createHash('sha256').update(KEY).digest(), initialisationVector);
  cipher.setAutoPadding(isPadded);
  return Buffer.concat([initialisationVector, cipher.update(bytes), cipher.final()]).toString('base64');
}

describe('decrypt', () => {
  it('gives the known answer of the official document', () => {
    expect(decrypt('P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=', 'test key')).toBe('hello world');
  });

  // Made with `openssl enc -aes-256-cbc -K "$(printf kudryavka | sha256sum)" -iv 000102030405060708090a0b0c0d0e0f`.
  it.each([
    ['AAECAwQFBgcICQoLDA0OD/DDC4eGi/Egy6yLNTH6hKE8wdClPXUDQgVw+jywQSLp', '{"text":"你好，世界 👋"}'],
    ['AAECAwQFBgcICQoLDA0OD3IUuVFPrXiICyVpCo+6o8Y=', ''],
    ['AAECAwQFBgcICQoLDA0OD7v/MEtGlmT13Ru+VmlnWEo=', '\uFEFF{}'],
  ])('reads what OpenSSL encrypted: %s', (encrypted, text) => {
    expect(decrypt(encrypted, KEY)).toBe(text);
  });

  it('gives back any text that was encrypted', () => {
    fc.assert(
      fc.property(anyText, fc.string({ minLength: 1 }), (text, key) => {
        expect(decrypt(encrypt(text, key), key)).toBe(text);
      }),
      { numRuns: runs(10_000) },
    );
  });

  it('gives back U+FFFD for half a surrogate pair, which UTF-8 has no bytes for', () => {
    fc.assert(
      fc.property(anyString, (text) => {
        expect(decrypt(encrypt(text, KEY), KEY)).toBe(text.toWellFormed());
      }),
      { numRuns: runs(5000) },
    );
  });

  it('gives back a text of a megabyte', () => {
    const text = '收到消息 👋 '.repeat(60_000);
    expect(decrypt(encrypt(text, KEY), KEY) === text).toBe(true);
  });
});

describe('a body that decrypt refuses', () => {
  const wellEncrypted = 'AAECAwQFBgcICQoLDA0OD3IUuVFPrXiICyVpCo+6o8Y=';

  it.each([
    ['a character outside of base64', wellEncrypted.replace('U', '!'), 'not base64'],
    ['base64 cut off', wellEncrypted.slice(0, -1), 'not base64'],
    ['base64 without its padding', wellEncrypted.replace('=', ''), 'not base64'],
    ['base64 with a line break', `${wellEncrypted.slice(0, 40)}\n${wellEncrypted.slice(40)}`, 'not base64'],
    ['base64 with an end in its middle', wellEncrypted.replace('Uu', '=='), 'not base64'],
    ['Chinese', '你好你好', 'not base64'],
    ['nothing but padding', '====', 'not base64'],
    ['nothing', '', '0 bytes are not'],
    ['a short initialisation vector', Buffer.alloc(15).toString('base64'), '15 bytes are not'],
    ['an initialisation vector and nothing more', Buffer.alloc(16).toString('base64'), '16 bytes are not'],
    ['no whole number of blocks', Buffer.alloc(47).toString('base64'), '47 bytes are not'],
    ['a padding of no bytes', 'AAECAwQFBgcICQoLDA0OD2wmlAfnUIIvKFGFCKrgPnY=', 'padding'],
    ['a padding longer than a block', 'AAECAwQFBgcICQoLDA0OD3Sy7ZWsk4b7Porr25Q43d0=', 'padding'],
    ['a padding of unlike bytes', 'AAECAwQFBgcICQoLDA0ODzOCqX0Yy1GhgIC9Qmdfo3g=', 'padding'],
    ['bytes that are no UTF-8', 'AAECAwQFBgcICQoLDA0OD+SymhGoo3OdjULnCglIyHs=', 'not UTF-8'],
    ['half a surrogate pair as bytes', 'AAECAwQFBgcICQoLDA0OD+5vdacnY5WRBA0exM5WJUE=', 'not UTF-8'],
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

  it('is refused and nothing else, whatever it is', () => {
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

  it('has any last block that is no PKCS#7 padding', () => {
    const isPadding = (block: Uint8Array) => {
      const count = block.at(-1) ?? 0;
      return count >= 1 && count <= 16 && block.slice(-count).every((byte) => byte === count);
    };
    const wrong = fc.uint8Array({ minLength: 16, maxLength: 16 }).filter((block) => !isPadding(block));
    fc.assert(
      fc.property(wrong, (block) => {
        const refusal = rejectionOf(() => decrypt(encryptBytes(block, { isPadded: false }), KEY));
        expect(refusal?.message).toContain('padding');
      }),
      { numRuns: runs(1000) },
    );
  });
});

describe('encrypt', () => {
  it('writes base64 of an initialisation vector and whole blocks', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const bytes = Buffer.from(encrypt(text, KEY), 'base64');
        const blocks = Math.floor(Buffer.byteLength(text) / 16) + 1;
        expect(bytes.length).toBe(16 + blocks * 16);
      }),
      { numRuns: runs(1000) },
    );
  });

  it('never writes the same twice, since the initialisation vector is random', () => {
    const written = Array.from({ length: 1000 }, () => encrypt('the same text', KEY).slice(0, 21));
    expect(new Set(written).size).toBe(written.length);
  });

  it('does not take an empty key, with which anyone could read', () => {
    const error = new TypeError('The Encrypt Key is empty');
    expect(() => encrypt('text', '')).toThrow(error);
    expect(() => decrypt('P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=', '')).toThrow(error);
  });
});
