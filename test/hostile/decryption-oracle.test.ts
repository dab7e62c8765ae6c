import { describe, expect, it } from 'vitest';
import { encrypt } from '../../lib/feishu/cipher.ts';
import { type WebhookRequest, writeRequest } from '../../lib/feishu/request.ts';
import { formatFunctionLine } from '../../lib/local/functions/function-lines.ts';
import { createSample } from '../../lib/samples/samples.ts';
import type { HttpResponse } from '../../lib/webhook/http.ts';
import { createWebhook } from '../../lib/webhook/webhook.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { toHttpEvent } from '../support/http-events.ts';
import { writtenLines } from '../support/written-output.ts';

// With CBC, an attacker controls the first block (through the initialization vector) and where a captured ciphertext
// starts. A response that reveals whether such a body decrypts to JSON reveals the plaintext byte by byte.

const encryptKey = 'an Encrypt Key that the attacker lacks';
const token = 'rvaYgkND1GOiu5MM0E1rncYC6PLtF7JV';
const aws = emulatedAws();

const webhook = createWebhook(
  () => {
    throw new Error('There is no such module');
  },
  {
    FEISHU_ENCRYPT_KEY: encryptKey,
    FEISHU_VERIFICATION_TOKEN: token,
    get QUEUE_URL() {
      return aws.environment.QUEUE_URL;
    },
  },
);

type SendCiphertext = (ciphertext: Buffer) => Promise<HttpResponse>;

const BLOCK_BYTES = 16;
const TOKEN_LENGTH = 32;
/** Precedes the token in a v2.0 event. */
const BEFORE_TOKEN = '"token":"';
/** As long as BEFORE_TOKEN, and opens as many objects as a v2.0 event closes after its token. */
const FORGED_START = '{"":{"":"';
const CHARACTERS = {
  digits: { high: 0x20, all: '0123456789' },
  capitals: { high: 0x40, all: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ' },
  small: { high: 0x60, all: 'abcdefghijklmnopqrstuvwxyz' },
};

/** Events with 16 different lengths before the token: each character of it occurs once at each position in a block. */
const plaintexts = Array.from({ length: BLOCK_BYTES }, (_, index) =>
  JSON.stringify({
    schema: '2.0',
    header: {
      event_id: '5e3702a84e847582be8db7fb73283c02',
      event_type: `im.message.${'x'.repeat(index)}_v1`,
      create_time: '1608725989000',
      token,
      app_id: 'cli_9f5343c580712544',
      tenant_key: '2ca1d211f64f6438',
    },
    event: { message: { message_id: 'om_1' } },
  }),
);
/** The captured ciphertexts, and where the token starts, which follows from the format of an event. */
const captured = plaintexts.map((text) => ({
  bytes: Buffer.from(encrypt(text, encryptKey), 'base64'),
  tokenStart: text.indexOf(BEFORE_TOKEN) + BEFORE_TOKEN.length,
}));

/**
 * Attacks the webhook: recovers the Verification Token from captured bodies and the responses to unsigned ones.
 *
 * @returns the token that the attacker arrives at
 */
async function recoverToken(send: SendCiphertext): Promise<string> {
  const rejection = await send(Buffer.alloc(2 * BLOCK_BYTES));
  let known = BEFORE_TOKEN;
  for (let index = 0; index < TOKEN_LENGTH; index += 1) {
    const position = FORGED_START.length;
    // In this body, the nine characters before this one, all known by now, can be replaced with FORGED_START.
    const body = captured.find(({ tokenStart }) => (tokenStart + index) % BLOCK_BYTES === position);
    if (body === undefined) throw new Error('No captured body fits');
    const start = Math.floor((body.tokenStart + index) / BLOCK_BYTES) * BLOCK_BYTES;
    const before = known.slice(-position);
    const isStringWith = async (difference: number) => {
      const ciphertext = Buffer.from(body.bytes.subarray(start));
      for (let at = 0; at < position; at += 1) {
        const change = before.charCodeAt(at) ^ FORGED_START.charCodeAt(at);
        ciphertext[at] = (ciphertext[at] ?? 0) ^ change;
      }
      ciphertext[position] = (ciphertext[position] ?? 0) ^ difference;
      const response = await send(ciphertext);
      return response.body !== rejection.body || response.statusCode !== rejection.statusCode;
    };
    const character = await findCharacter(isStringWith);
    known += character ?? '?';
  }
  return known.slice(BEFORE_TOKEN.length);
}

/** @param isStringWith returns whether the character, with these bits flipped, may occur in a JSON string */
async function findCharacter(isStringWith: (difference: number) => Promise<boolean>): Promise<string | undefined> {
  for (const { high, all } of Object.values(CHARACTERS)) {
    // A character of this range becomes a control character either way.
    if ((await isStringWith(high)) || (await isStringWith(high + 1))) continue;
    for (const guess of all) {
      // The right guess turns the character into a quotation mark, which ends the string too early.
      if (!(await isStringWith(guess.charCodeAt(0) ^ 0x22))) return guess;
    }
  }
  return undefined;
}

const unsigned = (body: string | Buffer, headers: WebhookRequest['headers'] = {}) =>
  webhook(toHttpEvent({ headers, body: Buffer.from(body) }));
const encrypted = (text: string, key = encryptKey) => JSON.stringify({ encrypt: encrypt(text, key) });
const responsesTo = async (requests: Promise<HttpResponse>[]) =>
  new Set((await Promise.all(requests)).map((response) => JSON.stringify(response)));

describe('With an Encrypt Key, unsigned requests', () => {
  it('reveal nothing of the Verification Token to an attacker with captured bodies', async () => {
    const responses = new Set<string>();
    const send: SendCiphertext = async (ciphertext) => {
      const response = await unsigned(JSON.stringify({ encrypt: ciphertext.toString('base64') }));
      responses.add(JSON.stringify(response));
      return response;
    };
    const recovered = await recoverToken(send);
    const card = createSample('card.action.trigger_v1', { version: '1.0', token: undefined });
    const forged = writeRequest(card, { verificationToken: recovered }, Date.now());
    expect(await webhook(toHttpEvent(forged))).toMatchObject({ statusCode: 401 });
    expect(await aws.drain()).toEqual([]);
    expect(recovered).not.toBe(token);
    expect([...responses]).toEqual([JSON.stringify(await unsigned('{}'))]);
  });

  it('all get the same response, and only the log contains the reason', async () => {
    const event = createSample('im.message.receive_v1', { version: '2.0', token });
    const card = createSample('card.action.trigger_v1', { version: '1.0', token: undefined });
    const challenge = (fields: object) =>
      JSON.stringify({ challenge: 'ajls384kdjx98XX', token, type: 'url_verification', ...fields });
    const signed = writeRequest(event, { encryptKey }, Date.now());
    const without = (header: string) =>
      Object.fromEntries(Object.entries(signed.headers).filter(([name]) => name !== header));
    const requests: [string, Buffer | string, WebhookRequest['headers']?][] = [
      ['is not a JSON object', ''],
      ['is not a JSON object', 'challenge=1'],
      ['is not a JSON object', '[]'],
      ['is not a JSON object', Buffer.from([0xff, 0xfe])],
      ['has 4097 bytes', ' '.repeat(4097)],
      ['has 20014 bytes', `{"encrypt":"${'A'.repeat(20_000)}"}`],
      ['is not encrypted', '{}'],
      ['is not encrypted', '{"encrypt":1}'],
      ['is not encrypted', event],
      ['is not encrypted', card],
      ['is not encrypted', challenge({})],
      ['not base64 of whole blocks', '{"encrypt":""}'],
      ['not base64 of whole blocks', '{"encrypt":"no base64!"}'],
      ['not base64 of whole blocks', '{"encrypt":"AAAA"}'],
      ['the padding is invalid', JSON.stringify({ encrypt: Buffer.alloc(32).toString('base64') })],
      ['the result is not a JSON object', encrypted('')],
      ['the result is not a JSON object', encrypted('text')],
      ['the result is not a JSON object', encrypted('[]')],
      ['is not a URL verification', encrypted('{}')],
      ['is not a URL verification', encrypted('{"schema":"2.0"}')],
      ['is not a URL verification', encrypted(event)],
      ['is not a URL verification', encrypted(card)],
      ['is not a URL verification', encrypted(challenge({ ...JSON.parse(card), token }))],
      ['the challenge', encrypted(challenge({ challenge: '' }))],
      ['the challenge', encrypted(challenge({ challenge: 'a'.repeat(200) }))],
      ['the token', encrypted(challenge({ token: 'wrong' }))],
      ['the token', encrypted(challenge({ token: undefined }))],
      ['X-Lark-Signature is missing', signed.body, without('x-lark-signature')],
      ['X-Lark-Signature is not', signed.body, { ...signed.headers, 'x-lark-signature': '' }],
      ['X-Lark-Signature is not', signed.body, { ...signed.headers, 'x-lark-signature': 'x'.repeat(64) }],
      ['Timestamp is missing', signed.body, without('x-lark-request-timestamp')],
      ['Nonce is missing', signed.body, without('x-lark-request-nonce')],
    ];
    const responses = await responsesTo(requests.map(([, body, headers]) => unsigned(body, headers)));
    expect([...responses]).toHaveLength(1);
    expect(JSON.parse([...responses][0] ?? '')).toMatchObject({
      statusCode: 401,
      body: expect.stringContaining('FEISHU_SIGNATURE_MISSING'),
    });
    const logged = writtenLines().map((line) => JSON.parse(line));
    expect(logged.map(({ code }) => code)).toEqual(requests.map(() => 'FEISHU_SIGNATURE_MISSING'));
    requests.forEach(([reason], index) => {
      expect(logged[index].reason).toContain(reason);
      // The line that npm start prints.
      expect(formatFunctionLine(writtenLines()[index] ?? '')).toContain(JSON.stringify(logged[index].reason));
    });
    expect(await aws.drain()).toEqual([]);
  });

  it('succeed if they are a URL verification with a valid token', async () => {
    const text = JSON.stringify({ challenge: 'ajls384kdjx98XX', token, type: 'url_verification' });
    expect(await unsigned(encrypted(text))).toMatchObject({
      statusCode: 200,
      body: '{"challenge":"ajls384kdjx98XX"}',
    });
  });
});

describe('With an Encrypt Key, requests signed with the Verification Token', () => {
  const signedWithToken = (body: string) =>
    webhook(toHttpEvent(writeRequest(body, { verificationToken: token }, Date.now())));

  it('get the same response whatever an encrypted body decrypts to', async () => {
    const event = createSample('im.message.receive_v1', { version: '2.0', token });
    const card = createSample('card.action.trigger_v1', { version: '1.0', token: undefined });
    const challenge = JSON.stringify({ challenge: 'x', token, type: 'url_verification' });
    const bodies = ['', 'text', '{}', event, card, challenge].map((text) => encrypted(text));
    const responses = await responsesTo([
      ...[...bodies, JSON.stringify({ encrypt: Buffer.alloc(32).toString('base64') })].map(signedWithToken),
      ...['{', '{}', event, challenge].map(signedWithToken),
      unsigned(''),
    ]);
    expect(responses.size).toBe(1);
    expect(await aws.drain()).toEqual([]);
  });

  it('are accepted if they are an unencrypted legacy card callback', async () => {
    const card = createSample('card.action.trigger_v1', { version: '1.0', token: undefined });
    expect(await signedWithToken(card)).toMatchObject({ statusCode: 200 });
    expect((await aws.drain()).length).toBe(1);
  });

  it('get the same response as unsigned ones if no Verification Token is set', async () => {
    const withoutToken = createWebhook(
      () => {
        throw new Error('There is no such module');
      },
      { FEISHU_ENCRYPT_KEY: encryptKey, ...aws.environment },
    );
    const card = createSample('card.action.trigger_v1', { version: '1.0', token: undefined });
    const requests = [
      writeRequest(card, { verificationToken: token }, Date.now()),
      writeRequest(card, undefined, Date.now()),
      writeRequest('{}', undefined, Date.now()),
    ];
    const responses = await responsesTo(requests.map((request) => withoutToken(toHttpEvent(request))));
    expect([...responses]).toEqual([JSON.stringify(await unsigned(''))]);
  });
});
