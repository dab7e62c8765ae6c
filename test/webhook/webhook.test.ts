import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ErrorCode } from '../../lib/feishu/errors.ts';
import { type SigningSecret, type WebhookRequest, writeRequest } from '../../lib/feishu/request.ts';
import { type CallbackContext, type CallbackHandler, onCallback } from '../../lib/handler.ts';
import type { ImportModule } from '../../lib/handler-runtime/find-handler.ts';
import { decodeMessage } from '../../lib/queue/message.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { NO_DEADLINES } from '../../lib/util/deadline.ts';
import { createWebhook } from '../../lib/webhook/webhook.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { TRANSPORTS, toHttpEvent } from '../support/http-events.ts';
import { encryptKey, verificationToken as token } from '../support/secrets.ts';
import { runs } from '../support/volume.ts';
import { writtenLines } from '../support/written-output.ts';

const secrets = { FEISHU_ENCRYPT_KEY: encryptKey, FEISHU_VERIFICATION_TOKEN: token };
const aws = emulatedAws();
const noCallbacks: ImportModule = (type) => {
  throw new Error(`Module not found in bundle: ${type}`);
};

afterEach(() => {
  vi.restoreAllMocks();
});

function webhookWith(environment: Record<string, string>, importCallback: ImportModule = noCallbacks) {
  return createWebhook(importCallback, { ...aws.environment, ...environment });
}

/** Otherwise the result would depend on how busy the machine is. */
function withoutDeadlines(): void {
  for (const [name, value] of Object.entries(NO_DEADLINES)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
}

function messageEvent(options: { token?: string | undefined; text?: string } = {}): string {
  const event = textMessage(options.text ?? 'Hello, 世界 👋');
  return createSample('im.message.receive_v1', { version: '2.0', token, ...options, event });
}

function challengeOf(verificationToken: string): string {
  return JSON.stringify({ challenge: 'ajls384kdjx98XX', token: verificationToken, type: 'url_verification' });
}

const write = (text: string, secret: SigningSecret, now = Date.now()) => writeRequest(text, secret, now);
const withHeader = (request: WebhookRequest, name: string, value: string | undefined): WebhookRequest => ({
  ...request,
  headers: Object.fromEntries(
    Object.entries({ ...request.headers, [name]: value }).filter(([, text]) => text !== undefined),
  ),
});
const plain = (body: string | Buffer): WebhookRequest => ({ headers: {}, body: Buffer.from(body) });

describe('A callback handler of a project that has not enabled the client', () => {
  const enable = 'Add `callbacks: { feishu: true }` to extensions.yml.';
  const respond = async (handler: CallbackHandler) => {
    const webhook = webhookWith(secrets, async () => ({ default: handler }));
    const text = createSample('card.action.trigger', { version: '2.0', token });
    const { body } = await webhook(toHttpEvent(write(text, { encryptKey })));
    await aws.drain();
    return JSON.parse(body);
  };

  it.each([
    ['feishu', ({ feishu }: CallbackContext) => feishu.request({ method: 'GET', url: '/' })],
    ['uuid', ({ uuid }: CallbackContext) => uuid('card')],
  ])('fails if it uses `%s`, and the log says how to enable it', async (_, use) => {
    const handler = onCallback('card.action.trigger', (_, context) => void use(context));
    expect(await respond(handler)).toMatchObject({ toast: { type: 'error' } });
    expect(writtenLines().join('\n')).toContain(enable);
  });

  it('may destructure and copy its context', async () => {
    const handler = onCallback('card.action.trigger', (_, context) => {
      const { feishu, uuid, log } = { ...context };
      log.info('Not used', { types: [typeof feishu, typeof uuid] });
      return { toast: { content: 'Done' } };
    });
    expect(await respond(handler)).toEqual({ toast: { content: 'Done' } });
  });
});

describe.each(TRANSPORTS)('The webhook, invoked by $name,', ({ toEvent }) => {
  it('echoes the challenge of a URL verification without touching the queue', async () => {
    const { body } = write(challengeOf(token), { encryptKey });
    const response = await webhookWith(secrets)(toEvent({ headers: {}, body }));
    expect(response).toMatchObject({ statusCode: 200, body: '{"challenge":"ajls384kdjx98XX"}' });
    expect(await aws.drain()).toEqual([]);
  });

  it('queues the unchanged event and acknowledges it', async () => {
    const text = messageEvent().replace('"schema"', ' "unknown": 9007199254740993, "schema"');
    const request = withHeader(write(text, { encryptKey }), 'x-request-id', 'request-1');
    const response = await webhookWith(secrets)(toEvent(request));
    expect(response).toMatchObject({ statusCode: 200, body: '{"msg":"success"}' });
    const [record] = await aws.drain();
    expect(JSON.parse(decodeMessage(record as never).text)).toEqual(JSON.parse(text));
    expect(decodeMessage(record as never)).toMatchObject({ source: 'webhook', requestId: 'request-1' });
    expect(record?.body).toContain('9007199254740993');
  });

  it('accepts an unencrypted v1.0 event', async () => {
    const text = createSample('message', { version: '1.0', token });
    const response = await webhookWith({ FEISHU_VERIFICATION_TOKEN: token })(toEvent(write(text, undefined)));
    expect(response.statusCode).toBe(200);
    expect((await aws.drain()).length).toBe(1);
  });

  const old = Date.now() - 73 * 60 * 60 * 1000;
  const tokenOnly = { FEISHU_VERIFICATION_TOKEN: token };
  const unsigned = ({ body }: WebhookRequest): WebhookRequest => ({ headers: {}, body });
  const rejections: [string, number, ErrorCode, WebhookRequest, Record<string, string>?][] = [
    ['an empty body', 400, 'FEISHU_BODY_EMPTY', plain(''), tokenOnly],
    ['a body that is not JSON', 400, 'FEISHU_BODY_NOT_JSON', plain('{"a":'), tokenOnly],
    ['a body that is not an event', 400, 'FEISHU_ENVELOPE_UNKNOWN', plain('{}'), tokenOnly],
    [
      'an unencrypted event with a wrong token',
      401,
      'FEISHU_TOKEN_WRONG',
      plain(messageEvent({ token: 'wrong' })),
      tokenOnly,
    ],
    ['an empty body if a key is set', 401, 'FEISHU_SIGNATURE_MISSING', plain('')],
    ['a body that cannot be decrypted', 401, 'FEISHU_SIGNATURE_MISSING', plain('{"encrypt":"not base64!"}')],
    [
      'an encrypted body if no key is set',
      400,
      'FEISHU_ENCRYPT_KEY_MISSING',
      write(messageEvent(), { encryptKey }),
      tokenOnly,
    ],
    ['an unencrypted event if a key is set', 401, 'FEISHU_SIGNATURE_MISSING', write(messageEvent(), undefined)],
    ['an unencrypted challenge if a key is set', 401, 'FEISHU_SIGNATURE_MISSING', write(challengeOf(token), undefined)],
    [
      'an unsigned event',
      401,
      'FEISHU_SIGNATURE_MISSING',
      withHeader(write(messageEvent(), { encryptKey }), 'x-lark-signature', undefined),
    ],
    [
      'a signature without a timestamp',
      401,
      'FEISHU_SIGNATURE_MISSING',
      withHeader(write(messageEvent(), { encryptKey }), 'x-lark-request-timestamp', undefined),
    ],
    [
      'a wrong signature',
      401,
      'FEISHU_SIGNATURE_WRONG',
      withHeader(write(messageEvent(), { encryptKey }), 'x-lark-signature', '0'.repeat(64)),
    ],
    [
      'an event signed by another app',
      401,
      'FEISHU_SIGNATURE_WRONG',
      write(messageEvent(), { encryptKey: 'another key' }),
    ],
    ['an event with a wrong token', 401, 'FEISHU_TOKEN_WRONG', write(messageEvent({ token: 'wrong' }), { encryptKey })],
    [
      'a challenge with a wrong token',
      401,
      'FEISHU_SIGNATURE_MISSING',
      unsigned(write(challengeOf('wrong'), { encryptKey })),
    ],
    ['an event that is 73 hours old', 401, 'FEISHU_REQUEST_TOO_OLD', write(messageEvent(), { encryptKey }, old)],
    ['any request if no secret is set', 500, 'FEISHU_MISCONFIGURED', write(messageEvent(), { encryptKey }), {}],
  ];
  it.each(rejections)('rejects %s with %i %s', async (_, status, code, request, environment = secrets) => {
    const response = await webhookWith(environment)(toEvent(request));
    expect(JSON.parse(response.body)).toEqual({ code, msg: expect.stringMatching(/\w{3,}/) });
    expect(response.statusCode).toBe(status);
    expect(response.headers['content-type']).toContain('application/json');
    expect(await aws.drain()).toEqual([]);
  });
});

describe('A large event', () => {
  it('is compressed to fit into an SQS message', async () => {
    const text = messageEvent({ text: '你好，世界'.repeat(200_000) });
    expect(Buffer.byteLength(text)).toBeGreaterThan(1024 * 1024);
    const response = await webhookWith(secrets)(toHttpEvent(write(text, { encryptKey })));
    expect(response.statusCode).toBe(200);
    const [record] = await aws.drain();
    // Not toBe: a failure would print a megabyte.
    expect(decodeMessage(record as never).text === text).toBe(true);
  });

  it('is accepted if it is too large even when compressed', async () => {
    withoutDeadlines();
    const noise = randomBytes(1_200_000).toString('base64');
    const response = await webhookWith(secrets)(toHttpEvent(write(messageEvent({ text: noise }), { encryptKey })));
    expect(response).toMatchObject({ statusCode: 200, body: '{"msg":"success"}' });
    expect((await aws.drain()).map(({ body }) => body)).toEqual([expect.stringMatching(/^events\//)]);
  });
});

describe('An unknown envelope', () => {
  const unknown = JSON.stringify({ schema: '3.0', payload: { text: 'a private matter' } });
  const readDeadLetters = () => aws.receive(aws.emulators.deadLetterQueueUrl);

  it('that is signed goes to the dead-letter queue with the reason, and is acknowledged', async () => {
    withoutDeadlines();
    const request = withHeader(write(unknown, { encryptKey }), 'x-request-id', 'request-2');
    const response = await webhookWith(secrets)(toHttpEvent(request));
    expect(response).toMatchObject({ statusCode: 200, body: '{"msg":"success"}' });
    expect(await aws.drain()).toEqual([]);
    const [record, ...others] = await readDeadLetters();
    expect(others).toEqual([]);
    expect(record?.body).toBe(unknown);
    expect(record?.messageAttributes).toMatchObject({
      reason: { stringValue: expect.stringMatching(/^FEISHU_ENVELOPE_UNKNOWN: The body is not a known kind of event/) },
      requestId: { stringValue: 'request-2' },
    });
    const lines = writtenLines().map((line) => JSON.parse(line));
    expect(lines).toMatchObject([
      { SetAside: 1, level: 'WARN', code: 'FEISHU_ENVELOPE_UNKNOWN', request_id: 'request-2' },
      { Accepted: 1, message: 'accepted' },
    ]);
  });

  it('that is unsigned is not stored', async () => {
    const { body } = write(unknown, { encryptKey });
    const response = await webhookWith(secrets)(toHttpEvent({ headers: {}, body }));
    expect(JSON.parse(response.body)).toMatchObject({ code: 'FEISHU_SIGNATURE_MISSING' });
    expect(await readDeadLetters()).toEqual([]);
  });

  it('is sent again by the platform if it cannot be stored', async () => {
    const DEAD_LETTER_QUEUE_URL = `${aws.emulators.deadLetterQueueUrl}-that-does-not-exist`;
    const webhook = webhookWith({ ...secrets, DEAD_LETTER_QUEUE_URL });
    const response = await webhook(toHttpEvent(write(unknown, { encryptKey })));
    expect(response.statusCode).toBe(503);
    expect(JSON.parse(response.body)).toMatchObject({ code: 'FEISHU_QUEUE_UNAVAILABLE' });
    expect(writtenLines().join()).not.toContain('SetAside');
  });
});

describe('Characters that SQS rejects', () => {
  it('are escaped without changing the event', async () => {
    const text = messageEvent({ text: 'non-characters \uFFFE\uFFFF and an emoji 👩‍👩‍👧' });
    const response = await webhookWith(secrets)(toHttpEvent(write(text, { encryptKey })));
    expect(response.statusCode).toBe(200);
    const [record] = await aws.drain();
    expect(JSON.parse(decodeMessage(record as never).text)).toEqual(JSON.parse(text));
  });
});

describe('When the queue', () => {
  it('does not exist, the platform is asked to resend the event', async () => {
    const webhook = webhookWith({ ...secrets, QUEUE_URL: `${aws.emulators.queueUrl}-that-does-not-exist` });
    const response = await webhook(toHttpEvent(write(messageEvent(), { encryptKey })));
    expect(response).toMatchObject({ statusCode: 503, headers: { 'retry-after': '15' } });
    expect(JSON.parse(response.body)).toMatchObject({ code: 'FEISHU_QUEUE_UNAVAILABLE' });
  });

  it('never responds, the webhook responds with 503 within 2.5 seconds', async () => {
    await using silent = await startServer(() => {});
    const webhook = webhookWith({ ...secrets, QUEUE_URL: silent.queueUrl });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const response = webhook(toHttpEvent(write(messageEvent(), { encryptKey })));
    await vi.advanceTimersByTimeAsync(2500);
    const late = new Promise((resolve) => setImmediate(resolve, 'no response after 2.5 seconds'));
    expect(await Promise.race([response, late])).toMatchObject({ statusCode: 503 });
  });

  it('drops a connection, a retry succeeds', async () => {
    let requests = 0;
    await using flaky = await startServer((request, response) => {
      requests += 1;
      if (requests === 1) request.socket.destroy();
      else
        response.setHeader('content-type', 'application/x-amz-json-1.0').end('{"MessageId":"1","MD5OfMessageBody":""}');
    });
    const webhook = webhookWith({ ...secrets, QUEUE_URL: flaky.queueUrl });
    await webhook(toHttpEvent(write(messageEvent(), { encryptKey })));
    expect(requests).toBe(2);
  });
});

describe('Rotation', () => {
  it('accepts the old and the new value of both secrets', async () => {
    const webhook = webhookWith({
      FEISHU_ENCRYPT_KEY: 'new key, old key'.replace('new key', 'newkey').replace('old key', encryptKey),
      FEISHU_VERIFICATION_TOKEN: `new-token,${token}`,
    });
    for (const [key, verificationToken] of [
      ['newkey', 'new-token'],
      [encryptKey, token],
    ] as const) {
      const request = write(messageEvent({ token: verificationToken }), { encryptKey: key });
      expect((await webhook(toHttpEvent(request))).statusCode).toBe(200);
      const challenge = write(challengeOf(verificationToken), { encryptKey: key });
      expect((await webhook(toHttpEvent(challenge))).statusCode).toBe(200);
    }
    expect((await aws.drain()).length).toBe(2);
  });
});

describe('A configuration error', () => {
  it('can be fixed without a new process', async () => {
    const environment: Record<string, string> = { ...aws.environment };
    const webhook = createWebhook(noCallbacks, environment);
    const event = () => toHttpEvent(write(messageEvent(), { encryptKey }));
    expect((await webhook(event())).statusCode).toBe(500);
    Object.assign(environment, secrets);
    expect((await webhook(event())).statusCode).toBe(200);
    await aws.drain();
  });
});

describe('A callback', () => {
  const click = () => write(createSample('card.action.trigger', { version: '2.0', token }), { encryptKey });
  const callbackReturning =
    (handle: Parameters<typeof onCallback<'card.action.trigger'>>[1]): ImportModule =>
    async () => ({ default: onCallback('card.action.trigger', handle) });

  it('gets the response of its handler, and is also queued', async () => {
    const toast = { type: 'success', content: '已完成' } as const;
    const webhook = webhookWith(
      secrets,
      callbackReturning(({ action }) => ({ toast: { ...toast, content: action.tag } })),
    );
    const response = await webhook(toHttpEvent(click()));
    expect(response).toMatchObject({ statusCode: 200, body: '{"toast":{"type":"success","content":"button"}}' });
    const [record] = await aws.drain();
    expect(record?.body).toContain('card.action.trigger');
  });

  it('reaches its handler with the complete header, the raw JSON and exact integers', async () => {
    const body = JSON.parse(createSample('card.action.trigger', { version: '2.0', token }));
    const header = { ...body.header, resource_id: 'doccn1' };
    const text = JSON.stringify({ ...body, header }).replace('"value":{', '"value":{"id":9223372036854775807,');
    const seen: unknown[] = [];
    const importCallback = callbackReturning((_, { header, exactEvent, rawJson }) => {
      seen.push(header.fields.resource_id, exactEvent().action.value?.id, rawJson());
      return {};
    });
    await webhookWith(secrets, importCallback)(toHttpEvent(write(text, { encryptKey })));
    expect(seen).toEqual(['doccn1', 9223372036854775807n, text]);
    await aws.drain();
  });

  it('has a shortened id in the log of its handler', async () => {
    const text = createSample('card.action.trigger', { version: '2.0', token });
    const body = JSON.parse(text);
    const long = JSON.stringify({ ...body, header: { ...body.header, event_id: 'i'.repeat(100_000) } });
    const importCallback: ImportModule = async () => ({
      default: onCallback('card.action.trigger', (_, { log }) => {
        log.info('clicked');
        return {};
      }),
    });
    await webhookWith(secrets, importCallback)(toHttpEvent(write(long, { encryptKey })));
    const lines = writtenLines();
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ message: 'clicked', event_id: `${'i'.repeat(255)}…` });
    expect(lines.filter((line) => line.length > 2000)).toEqual([]);
    await aws.drain();
  });

  it('leaves the card unchanged if it has no handler or the handler returns nothing', async () => {
    expect((await webhookWith(secrets)(toHttpEvent(click()))).body).toBe('{}');
    expect(
      (
        await webhookWith(
          secrets,
          callbackReturning(() => undefined),
        )(toHttpEvent(click()))
      ).body,
    ).toBe('{}');
    expect((await aws.drain()).length).toBe(2);
  });

  it.each([
    ['throws', () => Promise.reject(new Error('broken'))],
    ['returns a value that JSON cannot represent', () => ({ toast: { content: 1n as never } })],
  ])('shows the user an error if its handler %s', async (_, handle) => {
    const response = await webhookWith(secrets, callbackReturning(handle))(toHttpEvent(click()));
    expect(response.statusCode).toBe(200);
    expect(JSON.parse(response.body)).toMatchObject({ toast: { type: 'error', i18n: { zh_cn: expect.any(String) } } });
    expect((await aws.drain()).length).toBe(1);
  });

  it('shows the user an error within 2.5 seconds if its handler never ends', async () => {
    const webhook = webhookWith(
      secrets,
      callbackReturning(() => new Promise<never>(() => {})),
    );
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const response = webhook(toHttpEvent(click()));
    while ((await aws.receive()).length === 0);
    await vi.advanceTimersByTimeAsync(2500);
    const late = new Promise((resolve) => setImmediate(resolve, 'no response after 2.5 seconds'));
    expect(await Promise.race([response, late])).toMatchObject({
      statusCode: 200,
      body: expect.stringContaining('error'),
    });
  });

  it('shows the user an error if its module cannot be loaded', async () => {
    const response = await webhookWith(secrets, () => Promise.reject(new Error('syntax')))(toHttpEvent(click()));
    expect(JSON.parse(response.body)).toMatchObject({ toast: { type: 'error' } });
    await aws.drain();
  });

  it('is rejected with 503 if it cannot be queued, even if its handler has returned a response', async () => {
    const environment = { ...secrets, QUEUE_URL: `${aws.emulators.queueUrl}-that-does-not-exist` };
    const response = await webhookWith(
      environment,
      callbackReturning(() => ({})),
    )(toHttpEvent(click()));
    expect(response.statusCode).toBe(503);
  });

  it('is rejected after five minutes, because the platform never resends callbacks', async () => {
    const text = createSample('card.action.trigger', { version: '2.0', token });
    const response = await webhookWith(secrets)(toHttpEvent(write(text, { encryptKey }, Date.now() - 301_000)));
    expect(JSON.parse(response.body)).toMatchObject({ code: 'FEISHU_REQUEST_TOO_OLD' });
  });

  it('whose type is not documented gets the response of its handler, within five minutes', async () => {
    const type = 'example.thing.get' as 'card.action.trigger';
    const importCallback: ImportModule = async () => ({ default: onCallback(type, () => ({ answer: 1 }) as object) });
    const webhook = createWebhook(importCallback, { ...secrets, ...aws.environment }, [type]);
    const sendAs = (sent: string, age = 0) => {
      const text = createSample(sent, { version: '2.0', token });
      return webhook(toHttpEvent(write(text, { encryptKey }, Date.now() - age)));
    };
    expect((await sendAs(type)).body).toBe('{"answer":1}');
    expect(JSON.parse((await sendAs(type, 301_000)).body)).toMatchObject({ code: 'FEISHU_REQUEST_TOO_OLD' });
    expect((await sendAs('example.thing.created_v1', 301_000)).body).toBe('{"msg":"success"}');
    expect((await aws.drain()).length).toBe(2);
  });

  it.each(['url.preview.get', 'profile.view.get'] as const)(
    'of type %s gets {} without a handler, and otherwise its response',
    async (type) => {
      const request = () => toHttpEvent(write(createSample(type, { version: '2.0', token }), { encryptKey }));
      expect((await webhookWith(secrets)(request())).body).toBe('{}');
      const importCallback: ImportModule = async () => ({ default: onCallback(type, () => ({ inline: {} })) });
      expect((await webhookWith(secrets, importCallback)(request())).body).toBe('{"inline":{}}');
      expect((await aws.drain()).length).toBe(2);
    },
  );

  it('of an old card is accepted unencrypted if it is signed with the Verification Token', async () => {
    const text = createSample('card.action.trigger_v1', { version: '1.0', token });
    const accepted = await webhookWith(secrets)(toHttpEvent(write(text, { verificationToken: token })));
    expect(accepted.statusCode).toBe(200);
    const forged = await webhookWith(secrets)(toHttpEvent(write(text, { verificationToken: 'another' })));
    expect(forged.statusCode).toBe(401);
    expect((await aws.drain()).length).toBe(1);
  });
});

describe('Any other request', () => {
  it('is rejected with 400 or 401', async () => {
    const webhook = webhookWith(secrets);
    const arbitraryHeaders = fc.dictionary(
      fc.constantFrom('x-lark-signature', 'x-lark-request-timestamp', 'x-lark-request-nonce', 'x-request-id'),
      fc.oneof(fc.string(), fc.string({ minLength: 40, maxLength: 40 }), fc.string({ minLength: 64, maxLength: 64 })),
    );
    const arbitraryBody = fc.oneof(
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.json().map((text) => Buffer.from(text)),
      fc.base64String().map((encrypted) => Buffer.from(JSON.stringify({ encrypt: encrypted }))),
    );
    await fc.assert(
      fc.asyncProperty(arbitraryHeaders, arbitraryBody, async (headers, body) => {
        const { statusCode } = await webhook(toHttpEvent({ headers, body }));
        expect([400, 401]).toContain(statusCode);
      }),
      { numRuns: runs(10_000) },
    );
    expect(await aws.drain()).toEqual([]);
  });
});

describe('The log of a request', () => {
  it('is one line, with metrics and without secret, body or signature', async () => {
    const text = messageEvent({ text: 'a private matter' });
    const request = withHeader(write(text, { encryptKey }), 'x-request-id', 'request-1');
    await webhookWith(secrets)(toHttpEvent(request));
    await webhookWith(secrets)(toHttpEvent(withHeader(request, 'x-lark-signature', 'f'.repeat(64))));
    const lines = writtenLines();
    expect(lines.length).toBe(2);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'INFO',
      message: 'accepted',
      Accepted: 1,
      AcknowledgeTime: expect.any(Number),
      request_id: 'request-1',
      event_type: 'im.message.receive_v1',
      _aws: { CloudWatchMetrics: [{ Namespace: 'feishu-events' }] },
    });
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({ level: 'WARN', code: 'FEISHU_SIGNATURE_WRONG', Refused: 1 });
    const hidden = [
      encryptKey,
      token,
      'a private matter',
      request.body.toString(),
      request.headers['x-lark-signature'],
    ];
    for (const secret of hidden) expect(lines.join('\n')).not.toContain(secret);
    await aws.drain();
  });

  it('omits an id that is not a plain identifier', async () => {
    const request = withHeader(write(messageEvent(), { encryptKey }), 'x-request-id', 'x"}\n{"level":"ERROR');
    await webhookWith(secrets)(toHttpEvent(request));
    expect(JSON.parse(writtenLines()[0] ?? '')).not.toHaveProperty('request_id');
    await aws.drain();
  });
});

async function startServer(onRequest: Parameters<typeof createServer>[1]) {
  const server = createServer(onRequest).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    queueUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/000000000000/events`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
