import { createCipheriv, createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encrypt } from '../../lib/feishu/cipher.ts';
import { readEncryptedUrlVerification } from '../../lib/feishu/url-verification.ts';

const KEY = 'encrypt key';
const TOKEN = 'verification token';
const MAXIMUM_BYTES = 4 * 1024;

function read(body: Buffer | string | object, keys: string[] = [KEY]) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const tokens: string[] = [];
  const result = readEncryptedUrlVerification(bytes, keys, (token) => {
    tokens.push(token);
    return token === TOKEN;
  });
  return { ...result, tokens };
}

const verification = { type: 'url_verification', challenge: 'challenge', token: TOKEN };
const encrypted = (plain: string | object, key = KEY) => ({
  encrypt: encrypt(typeof plain === 'string' ? plain : JSON.stringify(plain), key),
});

/** Encrypts bytes without padding. */
function encryptBlocks(bytes: Buffer): { encrypt: string } {
  const vector = Buffer.alloc(16);
  const cipher = createCipheriv('aes-256-cbc', createHash('sha256').update(KEY).digest(), vector);
  cipher.setAutoPadding(false);
  return { encrypt: Buffer.concat([vector, cipher.update(bytes), cipher.final()]).toString('base64') };
}

describe('An encrypted URL verification', () => {
  it('is valid with the token', () => {
    expect(read(encrypted(verification))).toEqual({ challenge: 'challenge', tokens: [TOKEN] });
  });

  it.each([
    ['first', KEY],
    ['last', 'another key'],
  ])('is valid with the %s of several Encrypt Keys, and all are tried', (_, key) => {
    const { challenge, tokens } = read(encrypted(verification, key), [KEY, 'a third key', 'another key']);
    expect(challenge).toBe('challenge');
    expect(tokens.length).toBe(3);
  });

  it('has a challenge of at most 128 bytes', () => {
    const challenge = '你'.repeat(42);
    expect(read(encrypted({ ...verification, challenge: `${challenge}12` })).challenge).toBe(`${challenge}12`);
    expect(read(encrypted({ ...verification, challenge: `${challenge}123` })).reason).toMatch('129 bytes');
  });

  it('has at most 4 KiB', () => {
    const body = JSON.stringify(encrypted(verification));
    expect(read(body.padEnd(MAXIMUM_BYTES)).challenge).toBe('challenge');
    expect(read(body.padEnd(MAXIMUM_BYTES + 1)).reason).toMatch(`${MAXIMUM_BYTES + 1} bytes`);
  });
});

describe('An unsigned body', () => {
  const json = JSON.stringify(encrypted(verification));
  /** With spaces: the result is JSON, but not padded as it should be. */
  const padWrongly = (text: string) => Buffer.from(text.padEnd(Math.ceil((text.length + 1) / 16) * 16));

  it.each<[string, Buffer | string | object, RegExp]>([
    ['that is not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), /not a JSON object/],
    [
      'an object with bytes that are not UTF-8',
      Buffer.from(`${json.slice(0, -1)},"a":"\xff"}`, 'latin1'),
      /JSON object/,
    ],
    ['that is not JSON', 'text', /not a JSON object/],
    ['that is not an object', '[]', /not a JSON object/],
    ['that is not encrypted', verification, /not encrypted/],
    ['whose encrypted part is not text', { encrypt: 1 }, /not encrypted/],
    ['that is not base64', { encrypt: '***' }, /base64/],
    ['that is encrypted with another key', encrypted(verification, 'another key'), /decrypted/],
    ['with wrong padding', encryptBlocks(padWrongly(JSON.stringify(verification))), /the padding is/],
    ['that decrypts to text', encrypted('text'), /the result is not a JSON object/],
    ['that decrypts to a list', encrypted('[]'), /the result is not a JSON object/],
    ['that is of another type', encrypted({ ...verification, type: 'event_callback' }), /not a URL verification/],
    ['without a type', encrypted({ challenge: 'challenge', token: TOKEN }), /not a URL verification/],
    [
      'that is an old card callback too',
      encrypted({ ...verification, action: {}, open_message_id: 'om_1' }),
      /not a URL verification/,
    ],
    ['without a challenge', encrypted({ ...verification, challenge: undefined }), /challenge .* 0 bytes/],
    ['with another token', encrypted({ ...verification, token: 'another token' }), /token/],
    ['without a token', encrypted({ ...verification, token: undefined }), /token/],
  ])('%s has no challenge, and the result says why', (_, body, expected) => {
    const { challenge, reason } = read(body);
    expect(challenge).toBeUndefined();
    expect(reason).toMatch(expected);
  });

  it('that decrypts to JSON with bytes that are not UTF-8 has no challenge', () => {
    const text = Buffer.from(JSON.stringify({ ...verification, other: '\xff' }), 'latin1');
    const length = 16 - (text.length % 16);
    const { challenge, reason } = read(encryptBlocks(Buffer.concat([text, Buffer.alloc(length, length)])));
    expect(challenge).toBeUndefined();
    expect(reason).toMatch('the result is not a JSON object');
  });

  it('gives the reason of the first Encrypt Key', () => {
    const { reason } = read(encrypted({ ...verification, token: 'another token' }), [KEY, 'another key']);
    expect(reason).toMatch(/token/);
  });

  it('has an empty token checked if there is none, whatever it decrypts to', () => {
    expect(read(encrypted({ type: 'url_verification', challenge: 'challenge' })).tokens).toEqual(['']);
    expect(read(encrypted('text')).tokens).toEqual(['']);
  });
});
