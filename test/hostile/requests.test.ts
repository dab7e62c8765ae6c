import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type WebhookRequest, writeRequest } from '../../lib/feishu/request.ts';
import { decodeMessage } from '../../lib/queue/message.ts';
import { createSample } from '../../lib/samples/samples.ts';
import type { HttpEvent } from '../../lib/webhook/http.ts';
import { createWebhook } from '../../lib/webhook/webhook.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { toHttpEvent } from '../support/http-events.ts';
import { encryptKey, verificationToken as token } from '../support/secrets.ts';
import { runs } from '../support/volume.ts';
import { writtenLines } from '../support/written-output.ts';

const TYPES = [
  'im.message.receive_v1',
  'card.action.trigger',
  'url.preview.get',
  'message',
  'out_approval',
  'app_ticket',
];
const aws = emulatedAws();

function webhook(environment: Record<string, string> = {}) {
  const secrets = { FEISHU_ENCRYPT_KEY: encryptKey, FEISHU_VERIFICATION_TOKEN: token };
  const noCallbacks = () => {
    throw new Error('There is no such module');
  };
  return createWebhook(noCallbacks, { ...secrets, ...aws.environment, ...environment });
}

const signed = (text: string) => writeRequest(text, { encryptKey }, Date.now());
const respondTo = async (request: WebhookRequest, environment?: Record<string, string>) =>
  webhook(environment)(toHttpEvent(request));
const codeOf = ({ body }: { body: string }) => JSON.parse(body).code ?? 'accepted';

const DEPTH = 100_000;
const nested = (inner: string) => `${'{"a":'.repeat(DEPTH)}${inner}${'}'.repeat(DEPTH)}`;
const event = (fields: string, type = 'im.message.receive_v1') =>
  `{"schema":"2.0","header":{"event_type":"${type}","token":"${token}"},"event":${fields}}`;

describe('An unusual body from the platform', () => {
  it.each([
    ['nested 100,000 deep', event(nested('1'))],
    ['with numbers out of range', event(`{"n":1e999999,"m":${'9'.repeat(100_000)}}`)],
    ['with a duplicate key', event('{"a":1,"a":2}')],
    ['with keys of Object.prototype', event('{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}},"toString":1}')],
    ['with an event that is not an object', event('[1]')],
    ['with a lone surrogate', event('{"text":"\\ud800"}')],
    ['with NUL and control characters', event('{"text":"\\u0000\\u001b[2J"}')],
    ['with an empty event', event('{}')],
    ['of a type like a path', event('{}', '../../../etc/passwd')],
    ['of a type like a property', event('{}', 'constructor')],
    ['of a type of 10,000 characters', event('{}', 'x'.repeat(10_000))],
    ['of a type with line breaks', event('{}', 'a\\r\\nb')],
  ])('%s is queued unchanged', async (_, text) => {
    expect(await respondTo(signed(text))).toMatchObject({ statusCode: 200 });
    const [record] = await aws.drain();
    expect(decodeMessage(record as never).text).toBe(text);
  });

  it('with two headers is read by its last one, in the webhook and in the worker', async () => {
    const text = `{"schema":"2.0","header":{"event_type":"first","token":"wrong"},"header":{"event_type":"second","token":"${token}"},"event":{}}`;
    expect(await respondTo(signed(text))).toMatchObject({ statusCode: 200 });
    const [record] = await aws.drain();
    expect(record?.body).toBe(text);
  });

  it('cannot pollute a prototype', async () => {
    await respondTo(
      signed(`{"__proto__":{"polluted":1},"header":{"__proto__":{"polluted":1},"event_type":"a"},"event":{}}`),
    );
    expect('polluted' in {}).toBe(false);
  });
});

describe('An unsigned body', () => {
  const gzipped = gzipSync(createSample('im.message.receive_v1', { version: '2.0', token }));
  const bodies: [string, string | Buffer, string][] = [
    ['an array', '[]', 'the body is not a JSON object'],
    ['a string', '"text"', 'the body is not a JSON object'],
    ['a number', '1e999', 'the body is not a JSON object'],
    ['null', 'null', 'the body is not a JSON object'],
    ['a byte order mark before the JSON', `\uFEFF${event('{}')}`, 'the body is not a JSON object'],
    ['NUL', '\0', 'the body is not a JSON object'],
    ['gzip sent as text', gzipped, 'the body is not a JSON object'],
    ['arrays nested 4,000 deep', '['.repeat(4_000), 'the body is not a JSON object'],
    ['an `encrypt` that is no string', '{"encrypt":{"a":1}}', 'the body is not encrypted'],
    ['an empty `encrypt`', '{"encrypt":""}', 'is not base64 of whole blocks'],
    ['two of `encrypt`', '{"encrypt":"AAAA","encrypt":"BBBB"}', 'is not base64 of whole blocks'],
    ['`encrypt` inside `__proto__`', '{"__proto__":{"encrypt":"AAAA"}}', 'the body is not encrypted'],
    ['an event', signed(event('{}')).body, 'the body is not a URL verification'],
    ['6 MB', `{"encrypt":"${'A'.repeat(6 * 1024 * 1024)}"}`, 'the body has 6291470 bytes'],
  ];
  it.each(bodies)('%s is rejected, and the log names the reason', async (_, body, reason) => {
    const response = await respondTo({ headers: {}, body: Buffer.from(body) });
    expect(response.statusCode).toBe(401);
    expect(codeOf(response)).toBe('FEISHU_SIGNATURE_MISSING');
    expect(JSON.parse(writtenLines().at(-1) ?? '').reason).toContain(reason);
    expect(await aws.drain()).toEqual([]);
  });

  it('larger than any URL verification is rejected unparsed', async () => {
    const parse = vi.spyOn(JSON, 'parse');
    const { body } = await respondTo({ headers: {}, body: Buffer.from(`{"encrypt":"${'A'.repeat(100_000)}"}`) });
    expect(parse).not.toHaveBeenCalled();
    vi.restoreAllMocks();
    expect(JSON.parse(body).code).toBe('FEISHU_SIGNATURE_MISSING');
  });

  it('with a forged signature is neither parsed nor decrypted', async () => {
    const request = signed(event('{}'));
    const parse = vi.spyOn(JSON, 'parse');
    const { body } = await respondTo({
      ...request,
      headers: { ...request.headers, 'x-lark-signature': 'a'.repeat(64) },
    });
    expect(parse).not.toHaveBeenCalled();
    vi.restoreAllMocks();
    expect(JSON.parse(body).code).toBe('FEISHU_SIGNATURE_WRONG');
  });
});

describe('Headers', () => {
  const request = signed(event('{}'));
  const signature = request.headers['x-lark-signature'] as string;
  it.each([
    ['two signatures, joined by the gateway', { 'x-lark-signature': `${signature},${signature}` }],
    ['a signature in upper case', { 'x-lark-signature': signature.toUpperCase() }],
    ['a truncated signature', { 'x-lark-signature': signature.slice(0, 63) }],
    ['a signature with an extra character', { 'x-lark-signature': `${signature}0` }],
    ['an empty signature', { 'x-lark-signature': '' }],
    ['a signature of the length of SHA-1', { 'x-lark-signature': signature.slice(0, 40) }],
    ['a signature that is not hexadecimal', { 'x-lark-signature': '签'.repeat(64) }],
    ['another nonce', { 'x-lark-request-nonce': 'x' }],
    ['another timestamp', { 'x-lark-request-timestamp': '1' }],
    ['a very long nonce', { 'x-lark-request-nonce': 'n'.repeat(100_000) }],
    ['a line break in the nonce', { 'x-lark-request-nonce': '\r\nx-lark-signature: 0' }],
  ])('with %s are rejected with 401', async (_, headers) => {
    const response = await respondTo({ ...request, headers: { ...request.headers, ...headers } });
    expect(response.statusCode).toBe(401);
    expect(await aws.drain()).toEqual([]);
  });

  it('cannot renew an old request by moving a character from one signed part to another', async () => {
    // The signed parts are concatenated without separators.
    const old = writeRequest(event('{}'), { encryptKey }, Date.now() - 73 * 60 * 60 * 1000);
    const { 'x-lark-request-timestamp': timestamp = '', 'x-lark-request-nonce': nonce = '' } = old.headers;
    for (const moved of [
      { 'x-lark-request-timestamp': timestamp.slice(0, -1), 'x-lark-request-nonce': timestamp.slice(-1) + nonce },
      { 'x-lark-request-timestamp': timestamp + nonce.slice(0, 1), 'x-lark-request-nonce': nonce.slice(1) },
    ]) {
      const response = await respondTo({ ...old, headers: { ...old.headers, ...moved } });
      expect(codeOf(response)).toBe('FEISHU_REQUEST_TOO_OLD');
    }
  });

  it('may be many and long without making the log line long', async () => {
    const genuine = signed(event('{}'));
    const headers = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`x-${index}`, 'v'.repeat(100)]));
    const long = { 'x-request-id': 'i'.repeat(1_000_000), 'x-tt-logid': 'j'.repeat(1_000_000), __proto__: 'p' };
    const response = await respondTo({ ...genuine, headers: { ...headers, ...long, ...genuine.headers } });
    expect(response.statusCode).toBe(200);
    const [record] = await aws.drain();
    expect(decodeMessage(record as never).requestId).toBeUndefined();
    expect(writtenLines().at(-1)?.length).toBeLessThan(2000);
  });

  it('may be missing', async () => {
    const { headers: _, ...withoutHeaders } = toHttpEvent(request);
    for (const incomplete of [withoutHeaders, { ...withoutHeaders, headers: null }, {}, { headers: {} }]) {
      const response = await webhook()(incomplete as HttpEvent);
      expect(response.statusCode).toBeGreaterThanOrEqual(400);
      expect(response.statusCode).toBeLessThan(500);
    }
  });
});

describe('A flood of forged requests', () => {
  it('does not reach the queue', async () => {
    let connections = 0;
    const queue = createServer((socket) => {
      connections += 1;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(queue, 'listening');
    const url = `http://127.0.0.1:${(queue.address() as AddressInfo).port}`;
    vi.stubEnv('AWS_ENDPOINT_URL_SQS', url);
    try {
      const flooded = webhook({ QUEUE_URL: `${url}/000000000000/events` });
      const genuine = signed(event('{}'));
      const forgeries: WebhookRequest[] = [
        { headers: {}, body: genuine.body },
        { ...genuine, headers: { ...genuine.headers, 'x-lark-signature': '0'.repeat(64) } },
        { headers: {}, body: Buffer.from(event('{}')) },
        { headers: {}, body: Buffer.alloc(0) },
        { headers: genuine.headers, body: Buffer.from('{}') },
      ];
      const responses = await Promise.all(
        Array.from({ length: 1000 }, (_, index) => flooded(toHttpEvent(forgeries[index % 5] as WebhookRequest))),
      );
      expect(responses.filter(({ statusCode }) => statusCode < 400 || statusCode > 401)).toEqual([]);
      expect(connections).toBe(0);
      expect(await flooded(toHttpEvent(genuine))).toMatchObject({ statusCode: 503 });
      expect(connections).toBeGreaterThan(0);
    } finally {
      vi.unstubAllEnvs();
      queue.close();
    }
  });
});

describe('An event with a replaced value', () => {
  const strange = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>(
      '',
      '../../x',
      '%2e%2e',
      '__proto__',
      '\u0000',
      '\ud800',
      1e308,
      -0,
      [],
      {},
      null,
      'x'.repeat(5000),
    ),
  );

  it('is queued or rejected with a code, and never breaks the function', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...TYPES), fc.nat(), strange, async (type, position, value) => {
        const version = type.includes('.') ? '2.0' : '1.0';
        const body = JSON.parse(createSample(type, { version, token }));
        replaceAt(body, position, value);
        const response = await respondTo(signed(JSON.stringify(body)));
        expect([200, 400, 401]).toContain(response.statusCode);
        if (response.statusCode !== 200) expect(codeOf(response)).toMatch(/^FEISHU_/);
      }),
      { numRuns: runs(1000) },
    );
    await aws.drain();
  });
});

/** Replaces one value of a JSON object, at any depth. */
function replaceAt(root: object, position: number, value: unknown): void {
  const places: [Record<string, unknown>, string][] = [];
  const visit = (node: unknown) => {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, child] of Object.entries(node)) {
      places.push([node as Record<string, unknown>, key]);
      visit(child);
    }
  };
  visit(root);
  const [node, key] = places[position % places.length] as [Record<string, unknown>, string];
  node[key] = value;
}
