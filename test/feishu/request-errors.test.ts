import { describe, expect, it } from 'vitest';
import { encrypt } from '../../lib/feishu/cipher.ts';
import { FeishuError } from '../../lib/feishu/errors.ts';
import { readRequest, type SigningSecret, type WebhookRequest, writeRequest } from '../../lib/feishu/request.ts';
import { sign } from '../../lib/feishu/signature.ts';

// The messages and reasons of the errors. request.test.ts tests which requests are rejected.

const NOW = Date.parse('2026-01-02T03:04:05.999Z');
const KEY = 'encrypt key';
const TOKEN = 'verification token';
const BOTH = { encryptKeys: [KEY], verificationTokens: [TOKEN] };
const TOKEN_ONLY = { encryptKeys: [], verificationTokens: [TOKEN] };

const EVENT = JSON.stringify({
  schema: '2.0',
  header: { event_id: 'e1', event_type: 'some.type', token: TOKEN },
  event: {},
});
const OLD_CARD = JSON.stringify({ open_message_id: 'om_1', action: { value: {} }, token: 'c-1' });

function errorOf(request: WebhookRequest, secrets = BOTH, now = NOW): FeishuError {
  try {
    readRequest(request, secrets, now);
  } catch (error) {
    if (error instanceof FeishuError) return error;
    throw error;
  }
  throw new Error('The request is not rejected');
}

const plain = (body: string | Buffer) => ({ headers: {}, body: Buffer.from(body) });

/** Writes a request with changed headers. */
function written(text: string, secret: SigningSecret, headers: Record<string, string | undefined> = {}) {
  const request = writeRequest(text, secret, NOW);
  return { ...request, headers: { ...request.headers, ...headers } };
}

/** Signs any body. */
function signed(body: string, secret: string, algorithm: 'sha1' | 'sha256'): WebhookRequest {
  const parts = { timestamp: `${Math.floor(NOW / 1000)}`, nonce: 'nonce', body: Buffer.from(body) };
  return {
    headers: {
      'x-lark-request-timestamp': parts.timestamp,
      'x-lark-request-nonce': parts.nonce,
      'x-lark-signature': sign(parts, secret, algorithm),
    },
    body: parts.body,
  };
}

describe('The reason of an unsigned request', () => {
  it.each([
    ['X-Lark-Signature', { 'x-lark-signature': undefined }],
    ['X-Lark-Signature', { 'x-lark-signature': 'not a digest' }],
    ['X-Lark-Request-Timestamp', { 'x-lark-request-timestamp': undefined }],
    ['X-Lark-Request-Nonce', { 'x-lark-request-nonce': undefined }],
  ])('contains the header %s and the problem of the body, unlike the message', (header, headers) => {
    const error = errorOf(written(EVENT, { encryptKey: KEY }, headers));
    expect(error.code).toBe('FEISHU_SIGNATURE_MISSING');
    expect(error.reason).toMatch(`The header ${header}`);
    expect(error.reason).toMatch('not a URL verification');
    expect(error.message).toBe(errorOf(plain('')).message);
    expect(error.message).toMatch('FEISHU_ENCRYPT_KEY');
    expect(error.message).toMatch('FEISHU_VERIFICATION_TOKEN');
    expect(error.message).toMatch('log');
  });

  it.each([
    ['missing', undefined],
    ['not a hexadecimal digest', 'g'.repeat(64)],
    ['not a hexadecimal digest', 'a'.repeat(41)],
    ['not a hexadecimal digest', ` ${'a'.repeat(64)}`],
    ['not a hexadecimal digest', `${'a'.repeat(40)} `],
  ])('says that the signature is %s', (problem, signature) => {
    expect(errorOf(written(EVENT, { encryptKey: KEY }, { 'x-lark-signature': signature })).reason).toMatch(problem);
  });

  it('contains the name of the secret that the signature requires', () => {
    const request = written(EVENT, { verificationToken: TOKEN });
    const error = errorOf(request, { encryptKeys: [KEY], verificationTokens: [] });
    expect(error.reason).toMatch('FEISHU_VERIFICATION_TOKEN');
    const old = errorOf(signed(OLD_CARD, KEY, 'sha256'), TOKEN_ONLY);
    expect(old.code).toBe('FEISHU_SIGNATURE_MISSING');
    expect(old.message).toMatch(/old card callback.*FEISHU_ENCRYPT_KEY/);
  });

  it('says that the Verification Token signs old card callbacks only', () => {
    for (const body of [EVENT, JSON.stringify({ encrypt: encrypt(OLD_CARD, KEY) }), 'text']) {
      const error = errorOf(signed(body, TOKEN, 'sha1'));
      expect(error.code).toBe('FEISHU_SIGNATURE_MISSING');
      expect(error.reason).toMatch(/Verification Token.*old card callback/);
    }
  });
});

describe('The message of a rejected request', () => {
  it.each<[string, string, WebhookRequest, typeof BOTH]>([
    ['FEISHU_BODY_EMPTY', 'empty', plain(''), TOKEN_ONLY],
    ['FEISHU_BODY_NOT_JSON', 'UTF-8', plain(Buffer.from([0x22, 0xff, 0x22])), TOKEN_ONLY],
    ['FEISHU_BODY_NOT_JSON', 'JSON', plain('text'), TOKEN_ONLY],
    ['FEISHU_ENCRYPT_KEY_MISSING', 'FEISHU_ENCRYPT_KEY', plain(JSON.stringify({ encrypt: 'abc' })), TOKEN_ONLY],
    ['FEISHU_TOKEN_WRONG', 'FEISHU_VERIFICATION_TOKEN', plain(EVENT.replace(TOKEN, 'another')), TOKEN_ONLY],
    ['FEISHU_SIGNATURE_WRONG', 'FEISHU_ENCRYPT_KEY', signed(EVENT, 'another', 'sha256'), BOTH],
    ['FEISHU_SIGNATURE_WRONG', 'FEISHU_VERIFICATION_TOKEN', signed(EVENT, 'another', 'sha1'), BOTH],
    ['FEISHU_BODY_NOT_ENCRYPTED', 'FEISHU_ENCRYPT_KEY', signed(EVENT, KEY, 'sha256'), BOTH],
  ])('with the code %s names %s', (code, what, request, secrets) => {
    const error = errorOf(request, secrets);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(what);
    expect(error.reason).toBe(error.message);
    expect(error.name).toBe('FeishuError');
  });

  it.each([
    ['event', EVENT, 72 * 60 * 60],
    [
      'callback',
      JSON.stringify({ schema: '2.0', header: { event_type: 'card.action.trigger', token: TOKEN } }),
      5 * 60,
    ],
  ])('contains the maximum age of an %s, which is exact', (_, text, seconds) => {
    const request = written(text, { encryptKey: KEY });
    const signedAt = Math.floor(NOW / 1000) * 1000;
    expect(readRequest(request, BOTH, signedAt + seconds * 1000)).toMatchObject({ kind: 'event' });
    const error = errorOf(request, BOTH, signedAt + seconds * 1000 + 1);
    expect(error.code).toBe('FEISHU_REQUEST_TOO_OLD');
    expect(error.message).toMatch(`${seconds} seconds`);
  });

  it('does not depend on the age of an unsigned request', () => {
    const request = written(EVENT, undefined, { 'x-lark-request-timestamp': '1', 'x-lark-request-nonce': '234567890' });
    expect(readRequest(request, TOKEN_ONLY, NOW)).toMatchObject({ kind: 'event' });
  });

  it('of an unsigned old card callback says what is missing', () => {
    const error = errorOf(plain(OLD_CARD), TOKEN_ONLY);
    expect(error.code).toBe('FEISHU_SIGNATURE_MISSING');
    expect(error.message).toMatch(/old card callback.*X-Lark-Signature is missing/);
  });
});

describe('A written request', () => {
  it('is JSON, encrypted and signed with an Encrypt Key', () => {
    const { headers, body } = writeRequest(EVENT, { encryptKey: KEY }, NOW);
    expect(headers['content-type']).toMatch(/^application\/json/);
    expect(headers['x-lark-request-timestamp']).toBe(`${Math.floor(NOW / 1000)}`);
    expect(headers['x-lark-request-nonce']).toMatch(/^[\da-f]{16}$/);
    expect(Object.keys(JSON.parse(body.toString()))).toEqual(['encrypt']);
    expect(readRequest({ headers, body }, BOTH, NOW)).toMatchObject({ kind: 'event', text: EVENT });
  });

  it('is plain and unsigned without a secret', () => {
    const { headers, body } = writeRequest(EVENT, undefined, NOW);
    expect(Object.keys(headers)).toEqual(['content-type']);
    expect(body.toString()).toBe(EVENT);
  });
});
