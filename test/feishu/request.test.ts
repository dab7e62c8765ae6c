import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encrypt } from '../../lib/feishu/cipher.ts';
import type { FeishuError } from '../../lib/feishu/errors.ts';
import { readRequest, type WebhookRequest, writeRequest } from '../../lib/feishu/request.ts';
import { sign } from '../../lib/feishu/signature.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { flipBit, flipBitOfHeader } from '../support/bits.ts';
import { rejectionOf } from '../support/rejection.ts';
import { runs } from '../support/volume.ts';

const NOW = Date.parse('2026-10-04T10:23:46Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const encryptKey = 'kudryavka';
const token = 'rvaYgkND1GOiu5MM0E1rncYC6PLtF7JV';
const BOTH = { encryptKeys: [encryptKey], verificationTokens: [token] };
const KEY_ONLY = { encryptKeys: [encryptKey], verificationTokens: [] };
const TOKEN_ONLY = { encryptKeys: [], verificationTokens: [token] };

const MESSAGE = createSample('im.message.receive_v1', { version: '2.0', token });
const APPROVAL = createSample('out_approval', { version: '1.0', token });
const CLICK = createSample('card.action.trigger', { version: '2.0', token });
const OLD_CARD = createSample('card.action.trigger_v1', { version: '1.0', token });
const VERIFICATION = JSON.stringify({ challenge: 'ajls384kdjx98XX', token, type: 'url_verification' });

const plain = (text: string | Uint8Array): WebhookRequest => ({ headers: {}, body: Buffer.from(text) });
const encrypted = (text: string, key = encryptKey) => plain(JSON.stringify({ encrypt: encrypt(text, key) }));
/** Encrypted and signed. */
const secured = (text: string, now = NOW, key = encryptKey) => writeRequest(text, { encryptKey: key }, now);
const oldCard = (now = NOW, verificationToken = token) => writeRequest(OLD_CARD, { verificationToken }, now);

/** Signs any body, including those that `writeRequest` cannot write. */
function signed(body: string | Uint8Array, timestamp = `${NOW / 1000}`, key = encryptKey): WebhookRequest {
  const request = { timestamp, nonce: '7b0f4a1c', body: Buffer.from(body) };
  return withHeaders(plain(body), {
    'x-lark-request-timestamp': timestamp,
    'x-lark-request-nonce': request.nonce,
    'x-lark-signature': sign(request, key),
  });
}

function withHeaders(request: WebhookRequest, headers: WebhookRequest['headers']): WebhookRequest {
  return { ...request, headers: { ...request.headers, ...headers } };
}

const read = (request: WebhookRequest, secrets = BOTH as Parameters<typeof readRequest>[1], now = NOW) =>
  readRequest(request, secrets, now);
const codeOf = (...parameters: Parameters<typeof read>) => rejectionOf(() => read(...parameters))?.code ?? 'accepted';
const textOf = (...parameters: Parameters<typeof read>) => {
  const delivery = read(...parameters);
  return delivery.kind === 'event' ? delivery.text : undefined;
};

describe('a URL verification', () => {
  const expected = { kind: 'url-verification', challenge: 'ajls384kdjx98XX' };

  it('is accepted if its token is correct', () => {
    expect(read(plain(VERIFICATION), TOKEN_ONLY)).toEqual(expected);
  });

  it('is accepted if it is encrypted but not signed', () => {
    expect(read(encrypted(VERIFICATION))).toEqual(expected);
  });

  it('is authenticated by its encryption if no token is set', () => {
    expect(read(encrypted(VERIFICATION), KEY_ONLY)).toEqual(expected);
  });

  it('is rejected if its token is wrong, missing or empty', () => {
    for (const wrong of [{ token: 'another' }, { token: undefined }, { token: '' }, { token: [token] }]) {
      const text = JSON.stringify({ ...JSON.parse(VERIFICATION), ...wrong });
      expect(codeOf(plain(text), TOKEN_ONLY)).toBe('FEISHU_TOKEN_WRONG');
      expect(codeOf(secured(text))).toBe('FEISHU_TOKEN_WRONG');
      expect(codeOf(encrypted(text))).toBe('FEISHU_SIGNATURE_MISSING');
    }
  });

  it('is rejected if it is plain and an Encrypt Key is set', () => {
    expect(codeOf(plain(VERIFICATION))).toBe('FEISHU_SIGNATURE_MISSING');
    expect(codeOf(plain(VERIFICATION), KEY_ONLY)).toBe('FEISHU_SIGNATURE_MISSING');
    expect(codeOf(signed(VERIFICATION))).toBe('FEISHU_BODY_NOT_ENCRYPTED');
  });

  it('is rejected if it is encrypted with another key', () => {
    expect(codeOf(plain('{"encrypt":"P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}'))).toBe(
      'FEISHU_SIGNATURE_MISSING',
    );
  });

  it('is accepted with a challenge of up to 128 bytes if an Encrypt Key is set', () => {
    const write = (challenge: string) => encrypted(JSON.stringify({ ...JSON.parse(VERIFICATION), challenge }));
    for (const challenge of ['c', '你好 "\\', crypto.randomUUID(), 'c'.repeat(128)]) {
      expect(read(write(challenge))).toEqual({ kind: 'url-verification', challenge });
    }
    for (const challenge of ['', 'c'.repeat(129), '好'.repeat(43)]) {
      expect(codeOf(write(challenge))).toBe('FEISHU_SIGNATURE_MISSING');
    }
  });

  it('is rejected if its signature does not match', () => {
    const request = withHeaders(secured(VERIFICATION), { 'x-lark-request-nonce': 'another' });
    expect(codeOf(request)).toBe('FEISHU_SIGNATURE_WRONG');
  });
});

describe('an event', () => {
  it.each([
    ['v2.0', MESSAGE],
    ['v1.0', APPROVAL],
    ['a callback', CLICK],
  ])('is accepted if it is encrypted, signed and has the correct token: %s', (_name, text) => {
    expect(read(secured(text))).toMatchObject({ kind: 'event', text, envelope: { event: JSON.parse(text).event } });
  });

  it('is authenticated by its signature if no token is set', () => {
    const text = createSample('im.message.receive_v1', { version: '2.0', token: undefined });
    expect(textOf(secured(text), KEY_ONLY)).toBe(text);
  });

  it('is authenticated by its token if no Encrypt Key is set, signed or not', () => {
    expect(textOf(plain(MESSAGE), TOKEN_ONLY)).toBe(MESSAGE);
    expect(textOf(plain(APPROVAL), TOKEN_ONLY)).toBe(APPROVAL);
    expect(textOf(signed(MESSAGE), TOKEN_ONLY)).toBe(MESSAGE);
  });

  it('is accepted with spaces in its body if they are signed too', () => {
    const body = `{ "encrypt" : "${encrypt(MESSAGE, encryptKey)}" }\n`;
    expect(textOf(signed(body))).toBe(MESSAGE);
  });

  it('keeps integers above 2^53 and unknown fields in its text', () => {
    const text = MESSAGE.replace(
      '"event":{',
      '"event":{ "big": 9007199254740993, "id":18446744073709551615, "新":"字段",',
    );
    expect(textOf(secured(text))).toBe(text);
    expect(textOf(plain(text), TOKEN_ONLY)).toBe(text);
  });

  it.each([['x-lark-signature'], ['x-lark-request-timestamp'], ['x-lark-request-nonce']])(
    'is rejected without the header %s',
    (name) => {
      expect(codeOf(withHeaders(secured(MESSAGE), { [name]: undefined }))).toBe('FEISHU_SIGNATURE_MISSING');
    },
  );

  it('is rejected if it is encrypted but not signed', () => {
    expect(codeOf(encrypted(MESSAGE))).toBe('FEISHU_SIGNATURE_MISSING');
  });

  it.each([
    ['of another body', { 'x-lark-signature': secured(MESSAGE).headers['x-lark-signature'] }],
    ['with another timestamp', { 'x-lark-request-timestamp': `${NOW / 1000 + 1}` }],
    ['with another nonce', { 'x-lark-request-nonce': '7b0f4a1d' }],
  ])('is rejected with a signature %s', (_name, headers) => {
    expect(codeOf(withHeaders(secured(MESSAGE), headers))).toBe('FEISHU_SIGNATURE_WRONG');
  });

  it.each([
    ['empty', ''],
    ['not a digest', 'signature'],
    ['there twice', `${'a'.repeat(64)},${'a'.repeat(64)}`],
    ['a digest and a line break', `${'a'.repeat(64)}\n`],
    ['in upper case', 'A'.repeat(64)],
    ['the digest of another algorithm', 'a'.repeat(128)],
  ])('counts as unsigned when its signature is %s', (_name, signature) => {
    expect(codeOf(withHeaders(secured(MESSAGE), { 'x-lark-signature': signature }))).toBe('FEISHU_SIGNATURE_MISSING');
  });

  it('is rejected if it is signed with another key', () => {
    expect(codeOf(secured(MESSAGE, NOW, 'another key'))).toBe('FEISHU_SIGNATURE_WRONG');
  });

  it('is rejected if it is signed like an old card callback, with the token and SHA-1', () => {
    const { body } = encrypted(MESSAGE);
    const request = { timestamp: `${NOW / 1000}`, nonce: '7b0f4a1c', body };
    const headers = {
      'x-lark-request-timestamp': request.timestamp,
      'x-lark-request-nonce': request.nonce,
      'x-lark-signature': sign(request, token, 'sha1'),
    };
    expect(codeOf({ headers, body })).toBe('FEISHU_SIGNATURE_MISSING');
    expect(codeOf({ headers, body }, KEY_ONLY)).toBe('FEISHU_SIGNATURE_MISSING');
  });

  it.each([
    ['v2.0', 'im.message.receive_v1', '2.0'],
    ['v1.0', 'out_approval', '1.0'],
  ] as const)('is rejected with another token, even if it is signed: %s', (_name, type, version) => {
    for (const wrong of ['another', '', token.slice(1), `${token} `]) {
      const text = createSample(type, { version, token: wrong });
      expect(codeOf(secured(text))).toBe('FEISHU_TOKEN_WRONG');
      expect(codeOf(plain(text), TOKEN_ONLY)).toBe('FEISHU_TOKEN_WRONG');
    }
  });

  it('is rejected if the token is in the place of the other version', () => {
    const { header, ...rest } = JSON.parse(MESSAGE);
    const text = JSON.stringify({ ...rest, token, header: { ...header, token: undefined } });
    expect(codeOf(plain(text), TOKEN_ONLY)).toBe('FEISHU_TOKEN_WRONG');
  });

  it('is rejected if it is plain and an Encrypt Key is set, signed or not', () => {
    expect(codeOf(plain(MESSAGE))).toBe('FEISHU_SIGNATURE_MISSING');
    expect(codeOf(signed(MESSAGE))).toBe('FEISHU_BODY_NOT_ENCRYPTED');
    expect(codeOf(signed(MESSAGE), KEY_ONLY)).toBe('FEISHU_BODY_NOT_ENCRYPTED');
  });

  it('is rejected if it is encrypted and no Encrypt Key is set', () => {
    expect(codeOf(secured(MESSAGE), TOKEN_ONLY)).toBe('FEISHU_ENCRYPT_KEY_MISSING');
    expect(codeOf(encrypted(VERIFICATION), TOKEN_ONLY)).toBe('FEISHU_ENCRYPT_KEY_MISSING');
  });
});

describe('the age of a signed request', () => {
  it.each([
    ['immediately', 0, 'accepted'],
    ['after the last retry', 8 * HOUR, 'accepted'],
    ['after 72 hours', 72 * HOUR, 'accepted'],
    ['a millisecond later', 72 * HOUR + 1, 'FEISHU_REQUEST_TOO_OLD'],
    ['a year later', 365 * 24 * HOUR, 'FEISHU_REQUEST_TOO_OLD'],
    ['before its timestamp because the clock is slow', -5 * MINUTE, 'accepted'],
  ])('of an event that arrives %s', (_name, age, expected) => {
    expect(codeOf(secured(MESSAGE), BOTH, NOW + age)).toBe(expected);
    expect(codeOf(secured(APPROVAL), BOTH, NOW + age)).toBe(expected);
  });

  it.each([
    ['immediately', 0, 'accepted'],
    ['after 5 minutes', 5 * MINUTE, 'accepted'],
    ['a millisecond later', 5 * MINUTE + 1, 'FEISHU_REQUEST_TOO_OLD'],
  ])('of a callback, which is never sent again, that arrives %s', (_name, age, expected) => {
    const preview = createSample('url.preview.get', { version: '2.0', token });
    expect(codeOf(secured(CLICK), BOTH, NOW + age)).toBe(expected);
    expect(codeOf(secured(preview), BOTH, NOW + age)).toBe(expected);
    const profile = createSample('profile.view.get', { version: '2.0', token });
    expect(codeOf(secured(profile), BOTH, NOW + age)).toBe(expected);
    expect(codeOf(oldCard(), BOTH, NOW + age)).toBe(expected);
    expect(codeOf(secured(OLD_CARD), BOTH, NOW + age)).toBe(expected);
  });

  it('does not depend on the boundary between timestamp and nonce, which the signature does not protect', () => {
    const request = secured(MESSAGE);
    const { 'x-lark-request-timestamp': timestamp = '', 'x-lark-request-nonce': nonce = '' } = request.headers;
    const both = timestamp + nonce;
    for (let boundary = 0; boundary <= both.length; boundary += 1) {
      const moved = withHeaders(request, {
        'x-lark-request-timestamp': both.slice(0, boundary),
        'x-lark-request-nonce': both.slice(boundary),
      });
      expect(codeOf(moved, BOTH, NOW + HOUR)).toBe('accepted');
      expect(codeOf(moved, BOTH, NOW + 73 * HOUR)).toBe('FEISHU_REQUEST_TOO_OLD');
    }
  });

  it("is also read in Go's format", () => {
    const timestamp = '2026-10-04 18:23:46.052290112 +0800 CST m=+3612.1';
    const body = JSON.stringify({ encrypt: encrypt(CLICK, encryptKey) });
    expect(codeOf(signed(body, timestamp), BOTH, NOW + 4 * MINUTE)).toBe('accepted');
    expect(codeOf(signed(body, timestamp), BOTH, NOW + 6 * MINUTE)).toBe('FEISHU_REQUEST_TOO_OLD');
  });

  it.each([[''], ['yesterday'], ['2026-10-04T18:23:46+08:00']])(
    'does not reject an event if the timestamp cannot be read: %j',
    (timestamp) => {
      const body = JSON.stringify({ encrypt: encrypt(MESSAGE, encryptKey) });
      expect(textOf(signed(body, timestamp), BOTH, NOW + 365 * 24 * HOUR)).toBe(MESSAGE);
    },
  );

  it('is not checked without a signature', () => {
    const request = withHeaders(plain(MESSAGE), { 'x-lark-request-timestamp': '1' });
    expect(textOf(request, TOKEN_ONLY)).toBe(MESSAGE);
  });
});

describe('an old card callback', () => {
  it('is accepted plain, signed with the Verification Token and SHA-1, even if an Encrypt Key is set', () => {
    for (const secrets of [BOTH, TOKEN_ONLY]) {
      expect(read(oldCard(), secrets)).toMatchObject({
        text: OLD_CARD,
        envelope: { kind: 'callback', header: { type: 'card.action.trigger_v1' }, event: JSON.parse(OLD_CARD) },
      });
    }
  });

  it('is accepted encrypted and signed like an event', () => {
    expect(textOf(secured(OLD_CARD))).toBe(OLD_CARD);
    expect(textOf(secured(OLD_CARD), KEY_ONLY)).toBe(OLD_CARD);
  });

  it('has a token for updating the card, which is not checked', () => {
    expect(JSON.parse(OLD_CARD).token).toMatch(/^c-/);
    expect(codeOf(oldCard())).toBe('accepted');
  });

  it('is rejected without a signature, because nothing else authenticates it', () => {
    for (const secrets of [BOTH, TOKEN_ONLY, KEY_ONLY]) {
      expect(codeOf(plain(OLD_CARD), secrets)).toBe('FEISHU_SIGNATURE_MISSING');
    }
    expect(codeOf(encrypted(OLD_CARD))).toBe('FEISHU_SIGNATURE_MISSING');
  });

  it('is rejected if it is signed with another token, or if no token is set', () => {
    expect(codeOf(oldCard(NOW, 'another token'))).toBe('FEISHU_SIGNATURE_WRONG');
    expect(codeOf(oldCard(), KEY_ONLY)).toBe('FEISHU_SIGNATURE_MISSING');
  });
});

describe('a body', () => {
  it.each([
    ['empty', ''],
    ['empty but signed', signed('')],
  ])('is rejected if it is %s', (_name, body) => {
    if (typeof body !== 'string') expect(codeOf(body)).toBe('FEISHU_BODY_EMPTY');
    else expect(codeOf(plain(body), TOKEN_ONLY)).toBe('FEISHU_BODY_EMPTY');
  });

  it.each([
    ['not JSON', 'challenge=1&token=2'],
    ['an array', '[{}]'],
    ['null', 'null'],
    ['JSON after a byte order mark', `\uFEFF${MESSAGE}`],
    ['not UTF-8', Buffer.concat([Buffer.from('{"schema":"'), Buffer.of(0xff, 0xfe), Buffer.from('"}')])],
    ['UTF-16', Buffer.from(MESSAGE, 'utf16le')],
  ])('is rejected if it is %s', (_name, body) => {
    expect(codeOf(plain(body), TOKEN_ONLY)).toBe('FEISHU_BODY_NOT_JSON');
    expect(codeOf(signed(body))).toBe('FEISHU_BODY_NOT_JSON');
  });

  it('is unreadable but authentic if it is signed and does not decrypt to a JSON object', () => {
    for (const text of ['', 'text', '[]', 'null']) {
      const problem = expect.objectContaining({ code: 'FEISHU_BODY_NOT_JSON' });
      expect(read(secured(text))).toEqual({ kind: 'unreadable', problem, text });
    }
  });

  it('is rejected if it cannot be decrypted, even if its signature matches', () => {
    for (const wrong of ['', 'AAAA', '!', 'P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=']) {
      expect(codeOf(signed(JSON.stringify({ encrypt: wrong })))).toBe('FEISHU_BODY_NOT_DECRYPTABLE');
    }
  });

  describe('with an unknown envelope', () => {
    const texts = ['{}', '{"schema":"2.0"}', '{"type":"url_verification"}', '{"encrypt":1}'];

    it('is rejected if it is neither signed nor contains the Verification Token', () => {
      for (const text of texts) expect(codeOf(plain(text), TOKEN_ONLY)).toBe('FEISHU_ENVELOPE_UNKNOWN');
      for (const text of [
        '{"token":"wrong"}',
        '{"header":{"token":"wrong"}}',
        '{"token":1}',
        '{"header":{"token":""}}',
      ]) {
        expect(codeOf(plain(text), TOKEN_ONLY)).toBe('FEISHU_ENVELOPE_UNKNOWN');
      }
    });

    it('is rejected like any other unsigned body if an Encrypt Key is set', () => {
      const text = JSON.stringify({ token, header: { token } });
      const { body } = secured(text);
      expect(codeOf(plain(text))).toBe('FEISHU_SIGNATURE_MISSING');
      expect(codeOf({ headers: {}, body })).toBe('FEISHU_SIGNATURE_MISSING');
    });

    it.each([
      ['signed with the Encrypt Key', (text: string) => read(secured(text)), texts],
      [
        'unencrypted with the Verification Token',
        (text: string) => read(plain(text), TOKEN_ONLY),
        [`{"token":"${token}"}`, `{"schema":"3.0","header":{"token":"${token}"}}`],
      ],
    ])('is unreadable but authentic if it is %s', (_, readText, authentic) => {
      for (const text of authentic) {
        const problem = expect.objectContaining({ code: 'FEISHU_ENVELOPE_UNKNOWN' });
        expect(readText(text)).toEqual({ kind: 'unreadable', problem, text });
      }
    });

    it('is rejected if it was signed more than 72 hours ago', () => {
      const signedAt = NOW - 72 * 60 * 60 * 1000;
      expect(read(secured('{}', signedAt))).toMatchObject({ kind: 'unreadable' });
      expect(codeOf(secured('{}', signedAt - 1000))).toBe('FEISHU_REQUEST_TOO_OLD');
    });
  });

  it('is decrypted only once, even if it contains another encrypted body', () => {
    const text = JSON.stringify({ encrypt: encrypt(MESSAGE, encryptKey) });
    expect(read(secured(text))).toMatchObject({ kind: 'unreadable', text });
  });
});

describe('while a secret is being rotated', () => {
  const rotating = { encryptKeys: ['old key', 'new key'], verificationTokens: ['old token', 'new token'] };

  it.each([['old'], ['new']])('events with the %s key and token are accepted', (age) => {
    const text = createSample('im.message.receive_v1', { version: '2.0', token: `${age} token` });
    const verification = JSON.stringify({ challenge: 'x', token: `${age} token`, type: 'url_verification' });
    expect(textOf(secured(text, NOW, `${age} key`), rotating)).toBe(text);
    expect(textOf(plain(text), { ...rotating, encryptKeys: [] })).toBe(text);
    expect(textOf(oldCard(NOW, `${age} token`), rotating)).toBe(OLD_CARD);
    expect(read(encrypted(verification, `${age} key`), rotating)).toMatchObject({ challenge: 'x' });
  });

  it('the key and the token may be of different ages', () => {
    const text = createSample('out_approval', { version: '1.0', token: 'new token' });
    expect(textOf(secured(text, NOW, 'old key'), rotating)).toBe(text);
  });

  it('any other key or token is rejected', () => {
    const text = createSample('out_approval', { version: '1.0', token: 'third token' });
    expect(codeOf(secured(text, NOW, 'third key'), rotating)).toBe('FEISHU_SIGNATURE_WRONG');
    expect(codeOf(secured(text, NOW, 'new key'), rotating)).toBe('FEISHU_TOKEN_WRONG');
    expect(codeOf(oldCard(NOW, 'third token'), rotating)).toBe('FEISHU_SIGNATURE_WRONG');
  });

  it('a body that is signed with one key is not decrypted with another', () => {
    const body = JSON.stringify({ encrypt: 'P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=' });
    const secrets = { encryptKeys: ['old key', 'test key'], verificationTokens: [] };
    expect(codeOf(signed(body, undefined, 'old key'), secrets)).toBe('FEISHU_BODY_NOT_DECRYPTABLE');
    expect(read(signed(body, undefined, 'test key'), secrets)).toMatchObject({ kind: 'unreadable' });
  });
});

describe('readRequest', () => {
  const cases = [
    { name: 'an encrypted event', request: secured(MESSAGE) },
    { name: 'an old card callback', request: oldCard() },
  ];

  it.each(cases)('rejects $name with one flipped bit in body, timestamp, nonce or signature', ({ request }) => {
    const { headers, body } = request;
    const anyPart = fc.constantFrom('body', 'x-lark-request-timestamp', 'x-lark-request-nonce', 'x-lark-signature');
    expect(codeOf(request)).toBe('accepted');
    fc.assert(
      fc.property(anyPart, fc.nat(), (part, bit) => {
        const tampered =
          part === 'body'
            ? { headers, body: flipBit(body, bit) }
            : withHeaders(request, { [part]: flipBitOfHeader(headers[part] ?? '', bit) });
        // A signature with a character that is not hexadecimal counts as missing.
        expect(codeOf(tampered)).toMatch(/^FEISHU_SIGNATURE_(WRONG|MISSING)$/);
      }),
      { numRuns: runs(10_000) },
    );
  });

  it.each([
    ['with key and token', BOTH],
    ['with a key', KEY_ONLY],
    ['with a token', TOKEN_ONLY],
  ])('rejects arbitrary bytes with 400 or 401 for any headers, %s', (_name, secrets) => {
    const anyBody = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => Buffer.from(text)),
      fc.base64String().map((text) => Buffer.from(JSON.stringify({ encrypt: text }))),
    );
    fc.assert(
      fc.property(anyBody, anySignatureHeaders, (body, headers) => {
        expect([400, 401]).toContain(rejectionOf(() => read({ headers, body: Buffer.from(body) }, secrets))?.status);
      }),
      { numRuns: runs(10_000) },
    );
  });

  it('rejects correctly signed arbitrary bytes with 400 or 401', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.json()), (body) => {
        expect([400, 401]).toContain(rejectionOf(() => read(signed(body)))?.status);
      }),
      { numRuns: runs(10_000) },
    );
  });

  it('reads any correctly encrypted and signed text that is not an event as unreadable', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
        expect(read(secured(text))).toMatchObject({ kind: 'unreadable', text });
      }),
      { numRuns: runs(3000) },
    );
  });
});

describe('an error', () => {
  const key = '9d1f6c0b5a';
  const verificationToken = '3e7a82c4d6';
  const wrong = 'f05b9e1c7d';
  const content = 'a8c3d2e6b1';
  const secrets = { encryptKeys: [key], verificationTokens: [verificationToken] };
  const sample = (sampleToken: string) =>
    createSample('im.message.receive_v1', { version: '2.0', token: sampleToken, event: { content } });
  const validRequest = secured(sample(verificationToken), NOW, key);

  it.each([
    ['FEISHU_SIGNATURE_WRONG', { ...validRequest, body: flipBit(validRequest.body, 100) }],
    ['FEISHU_SIGNATURE_WRONG', secured(sample(verificationToken), NOW, wrong)],
    ['FEISHU_SIGNATURE_WRONG', oldCard(NOW, wrong)],
    ['FEISHU_SIGNATURE_MISSING', { ...validRequest, headers: {} }],
    ['FEISHU_TOKEN_WRONG', secured(sample(wrong), NOW, key)],
    ['FEISHU_REQUEST_TOO_OLD', secured(sample(verificationToken), Date.parse('2010-01-01'), key)],
    ['FEISHU_SIGNATURE_MISSING', plain(sample(verificationToken))],
    ['FEISHU_SIGNATURE_MISSING', encrypted(sample(verificationToken), wrong)],
    ['FEISHU_SIGNATURE_MISSING', encrypted(sample(verificationToken), key)],
    ['FEISHU_BODY_NOT_ENCRYPTED', signed(sample(verificationToken), undefined, key)],
    ['FEISHU_BODY_NOT_DECRYPTABLE', signed(JSON.stringify({ encrypt: content }), undefined, key)],
    ['FEISHU_BODY_NOT_DECRYPTABLE', signed(JSON.stringify({ encrypt: encrypt(content, wrong) }), undefined, key)],
    ['FEISHU_BODY_NOT_JSON', secured(content, NOW, key)],
    ['FEISHU_SIGNATURE_MISSING', plain(content)],
    ['FEISHU_ENVELOPE_UNKNOWN', secured(JSON.stringify({ schema: content, [content]: content }), NOW, key)],
  ])('with %s contains no secret, token, signature or part of the body', (code, request) => {
    const error = rejectionOf(() => {
      const delivery = read(request, secrets);
      if (delivery.kind === 'unreadable') throw delivery.problem;
    });
    expect(error?.code).toBe(code);
    const { 'x-lark-request-timestamp': timestamp = '', 'x-lark-request-nonce': nonce = '' } = request.headers;
    const { 'x-lark-signature': signature = 'no signature' } = request.headers;
    const expectedSignature = sign({ timestamp, nonce, body: request.body }, key);
    const output = `${error?.stack} ${error?.reason} ${(error?.cause as Error | undefined)?.stack}`;
    expect(output).toContain('FeishuError');
    const secretTexts = [key, verificationToken, wrong, content, signature, expectedSignature, request.body.toString()];
    expect(secretTexts.filter((text) => output.includes(text))).toEqual([]);
  });
});

describe('writeRequest', () => {
  const anyText = fc
    .record({ app: fc.string(), event: fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue(), { maxKeys: 4 }) })
    .map(({ app, event }) =>
      JSON.stringify({ schema: '2.0', header: { event_type: 'im.message.receive_v1', app_id: app, token }, event }),
    );

  it('writes requests that readRequest reads, for any event', () => {
    fc.assert(
      fc.property(anyText, fc.string({ minLength: 1 }), (text, key) => {
        const secrets = { encryptKeys: [key], verificationTokens: [token] };
        expect(textOf(writeRequest(text, { encryptKey: key }, NOW), secrets)).toBe(text);
        expect(textOf(writeRequest(text, undefined, NOW), TOKEN_ONLY)).toBe(text);
      }),
      { numRuns: runs(2000) },
    );
  });

  it('reveals nothing of an encrypted event', () => {
    const { headers, body } = secured(MESSAGE);
    expect(Object.keys(JSON.parse(body.toString()))).toEqual(['encrypt']);
    expect(JSON.stringify(headers) + body).not.toContain(token);
  });

  it('uses a new nonce for each request', () => {
    const nonces = Array.from({ length: 1000 }, () => secured('{}').headers['x-lark-request-nonce']);
    expect(new Set(nonces).size).toBe(nonces.length);
  });
});

const anySignatureHeaders = fc.record(
  {
    'x-lark-request-timestamp': fc.oneof(fc.string(), fc.constant(`${NOW / 1000}`)),
    'x-lark-request-nonce': fc.string(),
    'x-lark-signature': fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 }),
      fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 40, maxLength: 40 }),
    ),
  },
  { requiredKeys: [] },
);

describe('an unsigned body that cannot be decrypted', () => {
  it('is always rejected with the same message, so that a captured body cannot be decrypted by trial', () => {
    const key = 'an encrypt key';
    const now = Date.now();
    const secrets = { encryptKeys: [key], verificationTokens: [] };
    const bytes = Buffer.from(encrypt('{"schema":"2.0","header":{"event_type":"some.type"}}', key), 'base64');
    const responses = new Set<string>();
    // Changes the last byte of the second-to-last block: nearly every value breaks the padding, the rest the content.
    for (let change = 1; change < 256; change += 1) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8((changed.at(-17) as number) ^ change, changed.length - 17);
      const body = Buffer.from(JSON.stringify({ encrypt: changed.toString('base64') }));
      try {
        readRequest({ headers: {}, body }, secrets, now);
      } catch (error) {
        const { code, message } = error as FeishuError;
        responses.add(`${code} ${message}`);
      }
    }
    for (const content of ['not JSON', '[]']) {
      const body = Buffer.from(JSON.stringify({ encrypt: encrypt(content, key) }));
      expect(() => readRequest({ headers: {}, body }, secrets, now)).toThrow([...responses][0]?.replace(/^\S+ /, ''));
    }
    expect(responses.size).toBe(1);
  });
});
