import { AESCipher } from '@larksuiteoapi/node-sdk';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encrypt } from '../../lib/feishu/cipher.ts';
import { type EventEnvelope, OLD_CARD_TYPE, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { readRequest, type WebhookRequest, type WebhookSecrets, writeRequest } from '../../lib/feishu/request.ts';
import { onCallback } from '../../lib/handler.ts';
import { type Emulators, startEmulators } from '../../lib/local/emulators/emulators.ts';
import { createSample, textMessage, versionOf } from '../../lib/samples/samples.ts';
import type { HttpEvent } from '../../lib/webhook/http.ts';
import { TRANSPORTS, toHttpEvent } from '../support/http-events.ts';
import {
  encryptedBody,
  failingDispatcher,
  invokeOfficial,
  OFFICIAL_PATH,
  type OfficialPayload,
  officialCardHandler,
  officialDispatcher,
  plainRequest,
  postToOfficial,
  signedRequest,
} from '../support/official-sdk.ts';
import { runs } from '../support/volume.ts';
import { postToWebhook } from '../support/webhook.ts';

const encryptKey = 'kudryavka';
const verificationToken = 'rvaYgkND1GOiu5MM0E1rncYC6PLtF7JV';
const BOTH: WebhookSecrets = { encryptKeys: [encryptKey], verificationTokens: [verificationToken] };
const TOKEN_ONLY: WebhookSecrets = { encryptKeys: [], verificationTokens: [verificationToken] };

const sample = (type: string, event?: object) =>
  createSample(type, { version: versionOf(type), token: verificationToken, ...(event && { event }) });
const secured = (text: string, key = encryptKey) => signedRequest(encryptedBody(text, key), key);

const MESSAGE = sample('im.message.receive_v1');

let emulators: Emulators;

beforeAll(async () => {
  emulators = await startEmulators({ ordering: 'none', visibilityTimeoutSeconds: 3600 });
  Object.assign(process.env, emulators.environment);
});

afterAll(() => emulators.stop());

const postToProject = (
  request: WebhookRequest,
  secrets: WebhookSecrets,
  options?: Parameters<typeof postToWebhook>[3],
) => postToWebhook(emulators, secrets, request, options);

const ACCEPTED = { status: 200, body: { msg: 'success' } };
const ENVELOPE_FIELDS = 'schema event_id event_type create_time token app_id tenant_key ts uuid type'.split(' ');

/** The official payload merges the fields of the event and the envelope. In v1.0 the envelope's fields win. */
function expectSamePayload(official: OfficialPayload | undefined, { event, header }: EventEnvelope): void {
  const isFlattened = header.version === '1.0' && header.type !== OLD_CARD_TYPE;
  const isHidden = (name: string) => isFlattened && ENVELOPE_FIELDS.includes(name);
  const own = Object.keys(event).filter((name) => !isHidden(name));
  expect(Object.fromEntries(own.map((name) => [name, official?.[name]]))).toEqual(
    Object.fromEntries(own.map((name) => [name, event[name]])),
  );
  const others = Object.keys(official ?? {}).filter((name) => !(name in event));
  expect(others.filter((name) => !ENVELOPE_FIELDS.includes(name))).toEqual([]);
}

function readEvent(request: WebhookRequest, secrets: WebhookSecrets): EventEnvelope {
  const delivery = readRequest(request, secrets, Date.now());
  if (delivery.kind !== 'event') throw new Error('The request is not an event');
  return delivery.envelope;
}

const SAMPLES: { name: string; type: string; event?: object }[] = [
  { name: 'a message', type: 'im.message.receive_v1' },
  {
    name: 'a message in Chinese, with emoji and characters that JSON escapes',
    type: 'im.message.receive_v1',
    event: textMessage('你好，世界 👨‍👩‍👧‍👦 𠮷野家 "quoted" \\ / \u2028 \u0000'),
  },
  {
    name: 'a nested event',
    type: 'contact.user.created_v3',
    event: { object: { name: '张三', status: { is_activated: true }, orders: [] } },
  },
  { name: 'an event whose event.type is a number', type: 'calendar.calendar.changed_v4', event: { type: 3 } },
  { name: 'an empty event', type: 'drive.file.edit_v1', event: {} },
  { name: 'a click on a card', type: 'card.action.trigger' },
  { name: 'a link preview', type: 'url.preview.get' },
  { name: 'a message of v1.0', type: 'message' },
  { name: 'an approval of v1.0', type: 'out_approval' },
  { name: 'an app ticket', type: 'app_ticket', event: { app_ticket: 'ticket', tenant_key: undefined } },
  {
    name: 'an event of v1.0 with a uuid in its payload',
    type: 'approval_instance',
    event: { uuid: 'the instance', approval_code: '7C468A54', status: 'APPROVED' },
  },
  {
    name: 'a nested event of v1.0',
    type: 'p2p_chat_create',
    event: { chat_id: 'oc_1', operator: { open_id: 'ou_1' }, user: { name: '小明' } },
  },
];
/** Only encrypted: the official adapter corrupts large plain bodies, see below. */
const LARGE = {
  name: 'a message of 300 KB',
  type: 'im.message.receive_v1',
  event: textMessage('收到 👋 '.repeat(25_000)),
};

const anyName = fc.string({ unit: 'binary', maxLength: 10 }).filter((name) => name !== '__proto__');
const anyPayload = fc.dictionary(anyName, fc.jsonValue({ maxDepth: 2, stringUnit: 'binary' }), { maxKeys: 6 });
const anySample = fc.oneof(
  fc.record({ type: fc.constantFrom('im.message.receive_v1', 'card.action.trigger'), event: anyPayload }),
  fc.record({ type: fc.constantFrom('out_approval', 'message'), event: anyPayload }).map(({ type, event }) => ({
    type,
    event: { ...event, type },
  })),
);
const anyKey = fc.string({ minLength: 1 });

describe('a request that the official dispatcher accepts is accepted with the same payload', () => {
  it.each([...SAMPLES, LARGE])('$name, encrypted and signed', async ({ type, event }) => {
    const request = secured(sample(type, event));
    const { dispatcher, received } = officialDispatcher(type, { encryptKey, verificationToken });
    expect(await postToOfficial(dispatcher, request)).toMatchObject({ hasResponse: true, status: 200 });
    expect(received).toHaveLength(1);
    expectSamePayload(received[0], readEvent(request, BOTH));
  });

  it.each(SAMPLES)('$name, plain and unsigned', async ({ type, event }) => {
    const request = plainRequest(sample(type, event));
    const { dispatcher, received } = officialDispatcher(type, { verificationToken });
    expect(await postToOfficial(dispatcher, request)).toMatchObject({ hasResponse: true, status: 200 });
    expect(received).toHaveLength(1);
    expectSamePayload(received[0], readEvent(request, TOKEN_ONLY));
  });

  it.each([
    ['signed with the Verification Token', TOKEN_ONLY],
    ['signed with the Verification Token although a key is set', BOTH],
  ])('an old card callback, %s', async (_name, secrets) => {
    const request = signedRequest(sample('card.action.trigger_v1'), verificationToken, { algorithm: 'sha1' });
    const [key] = secrets.encryptKeys;
    const { dispatcher, received } = officialCardHandler({ verificationToken, ...(key && { encryptKey: key }) });
    expect(await postToOfficial(dispatcher, request)).toMatchObject({ hasResponse: true, status: 200 });
    expect(received).toHaveLength(1);
    expectSamePayload(received[0], readEvent(request, secrets));
  });

  it('an old card callback, encrypted', async () => {
    const request = secured(sample('card.action.trigger_v1'));
    const { dispatcher, received } = officialCardHandler({ verificationToken, encryptKey });
    await postToOfficial(dispatcher, request);
    expect(received).toHaveLength(1);
    expectSamePayload(received[0], readEvent(request, BOTH));
  });

  it.each([
    ['plain', plainRequest, TOKEN_ONLY],
    ['encrypted', (text: string) => plainRequest(encryptedBody(text, encryptKey)), BOTH],
  ] as const)('a URL verification, %s, with the same response', async (_name, write, secrets) => {
    const challenge = 'ajls384kdjx98XX 你好 "\\';
    const request = write(JSON.stringify({ challenge, token: verificationToken, type: 'url_verification' }));
    const [key] = secrets.encryptKeys;
    const { dispatcher } = officialDispatcher('none', { verificationToken, ...(key && { encryptKey: key }) });
    const official = await postToOfficial(dispatcher, request, { autoChallenge: true });
    const actual = await postToProject(request, secrets);
    expect(actual).toEqual({ status: official.status, body: JSON.parse(official.body ?? ''), queued: [] });
    expect(actual.body).toEqual({ challenge });
  });

  it('any event with any key, encrypted or plain', async () => {
    await fc.assert(
      fc.asyncProperty(anySample, anyKey, fc.boolean(), async ({ type, event }, key, isEncrypted) => {
        const text = sample(type, event);
        const request = isEncrypted ? secured(text, key) : plainRequest(text);
        const official = officialDispatcher(type, { verificationToken, ...(isEncrypted && { encryptKey: key }) });
        await invokeOfficial(official.dispatcher, request);
        expect(official.received).toHaveLength(1);
        const actual = readEvent(request, {
          encryptKeys: isEncrypted ? [key] : [],
          verificationTokens: [verificationToken],
        });
        expectSamePayload(official.received[0], actual);
      }),
      { numRuns: runs(2000) },
    );
  });

  it('any old card callback', async () => {
    await fc.assert(
      fc.asyncProperty(anyPayload, anyKey, async (value, token) => {
        const text = JSON.stringify({
          ...JSON.parse(sample('card.action.trigger_v1')),
          action: { tag: 'button', value },
        });
        const request = signedRequest(text, token, { algorithm: 'sha1' });
        const { dispatcher, received } = officialCardHandler({ verificationToken: token });
        await invokeOfficial(dispatcher, request);
        expect(received).toHaveLength(1);
        expectSamePayload(received[0], readEvent(request, { encryptKeys: [], verificationTokens: [token] }));
      }),
      { numRuns: runs(1000) },
    );
  });
});

describe('the official SDK accepts what this project writes', () => {
  it.each([...SAMPLES, LARGE])('$name, encrypted and signed', async ({ type, event }) => {
    const text = sample(type, event);
    const { dispatcher, received } = officialDispatcher(type, { encryptKey, verificationToken });
    await postToOfficial(dispatcher, writeRequest(text, { encryptKey }, Date.now()));
    expect(received).toHaveLength(1);
    expectSamePayload(received[0], parseEnvelope(text) as EventEnvelope);
  });

  it('an old card callback', async () => {
    const text = sample('card.action.trigger_v1');
    const { dispatcher, received } = officialCardHandler({ verificationToken });
    await postToOfficial(dispatcher, writeRequest(text, { verificationToken }, Date.now()));
    expect(received).toEqual([expect.objectContaining(JSON.parse(text))]);
  });

  it('any event with any key', async () => {
    await fc.assert(
      fc.asyncProperty(anySample, anyKey, async ({ type, event }, key) => {
        const text = sample(type, event);
        const { dispatcher, received } = officialDispatcher(type, { encryptKey: key });
        await invokeOfficial(dispatcher, writeRequest(text, { encryptKey: key }, Date.now()));
        expect(received).toHaveLength(1);
        expectSamePayload(received[0], parseEnvelope(text) as EventEnvelope);
      }),
      { numRuns: runs(1000) },
    );
  });

  it('any encrypted text, with its AESCipher', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), anyKey, (text, key) => {
        expect(new AESCipher(key).decrypt(encrypt(text, key))).toBe(text);
      }),
      { numRuns: runs(10_000) },
    );
  });
});

describe('errors of the official SDK', () => {
  const both = () => officialDispatcher('im.message.receive_v1', { encryptKey, verificationToken });
  const tokenOnly = () => officialDispatcher('im.message.receive_v1', { verificationToken });
  /** The response to a lost event: the platform does not send it again. */
  const LOST = { hasResponse: true, status: 200 };

  it('the SDK drops a signed body with an extra space and responds 200; here it is queued', async () => {
    const request = signedRequest(encryptedBody(MESSAGE, encryptKey).replace(':', ': '), encryptKey);
    const { dispatcher, received } = both();
    expect(await postToOfficial(dispatcher, request)).toMatchObject(LOST);
    expect(received).toEqual([]);
    expect(await postToProject(request, BOTH)).toEqual({ ...ACCEPTED, queued: [MESSAGE] });
  });

  it('the SDK drops a signed body with escaped slashes and responds 200; here it is queued', async () => {
    const request = signedRequest(encryptedBody(MESSAGE, encryptKey).replaceAll('/', '\\/'), encryptKey);
    const { dispatcher, received } = both();
    expect(await postToOfficial(dispatcher, request)).toMatchObject(LOST);
    expect(received).toEqual([]);
    expect(await postToProject(request, BOTH)).toEqual({ ...ACCEPTED, queued: [MESSAGE] });
  });

  it('the SDK responds 200 to a wrong signature; here it is 401', async () => {
    const request = secured(MESSAGE);
    const forged = { ...request, headers: { ...request.headers, 'x-lark-signature': '0'.repeat(64) } };
    const { dispatcher, received } = both();
    expect(await postToOfficial(dispatcher, forged)).toMatchObject(LOST);
    expect(received).toEqual([]);
    const actual = await postToProject(forged, BOTH);
    expect(actual).toMatchObject({ status: 401, body: { code: 'FEISHU_SIGNATURE_WRONG' }, queued: [] });
  });

  it('the SDK responds 200 to an encrypted body if it has no key; here it is 400', async () => {
    const { dispatcher, received } = tokenOnly();
    expect(await postToOfficial(dispatcher, secured(MESSAGE))).toMatchObject(LOST);
    expect(received).toEqual([]);
    const actual = await postToProject(secured(MESSAGE), TOKEN_ONLY);
    expect(actual).toMatchObject({ status: 400, body: { code: 'FEISHU_ENCRYPT_KEY_MISSING' }, queued: [] });
  });

  it('the SDK responds 200 to a body that cannot be decrypted; here it is 400', async () => {
    const request = signedRequest('{"encrypt":"P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}', encryptKey);
    const { dispatcher, received } = both();
    expect(await postToOfficial(dispatcher, request)).toMatchObject(LOST);
    expect(received).toEqual([]);
    const actual = await postToProject(request, BOTH);
    expect(actual).toMatchObject({ status: 400, body: { code: 'FEISHU_BODY_NOT_DECRYPTABLE' }, queued: [] });
  });

  it.each(['im.message.receive_v1', 'out_approval'])(
    'the SDK handles an event with a forged token; here it is 401: %s',
    async (type) => {
      const request = plainRequest(createSample(type, { version: versionOf(type), token: 'forged' }));
      const { dispatcher, received } = officialDispatcher(type, { verificationToken });
      await postToOfficial(dispatcher, request);
      expect(received).toHaveLength(1);
      const actual = await postToProject(request, TOKEN_ONLY);
      expect(actual).toMatchObject({ status: 401, body: { code: 'FEISHU_TOKEN_WRONG' }, queued: [] });
    },
  );

  it('the SDK accepts a URL verification with a forged token; here it is 401', async () => {
    const request = plainRequest('{"challenge":"x","token":"forged","type":"url_verification"}');
    const official = await postToOfficial(tokenOnly().dispatcher, request, { autoChallenge: true });
    expect(official.body).toBe('{"challenge":"x"}');
    const actual = await postToProject(request, TOKEN_ONLY);
    expect(actual).toMatchObject({ status: 401, body: { code: 'FEISHU_TOKEN_WRONG' }, queued: [] });
  });

  it.each([
    ['a year old', '1728036226'],
    ["a year old, in Go's format", '2024-10-04 18:03:46.052290112 +0800 CST m=+3612.1'],
  ])('the SDK handles a replay that is %s; here it is 401', async (_name, timestamp) => {
    const request = signedRequest(encryptedBody(MESSAGE, encryptKey), encryptKey, { timestamp });
    const { dispatcher, received } = both();
    await postToOfficial(dispatcher, request);
    expect(received).toHaveLength(1);
    const actual = await postToProject(request, BOTH);
    expect(actual).toMatchObject({ status: 401, body: { code: 'FEISHU_REQUEST_TOO_OLD' }, queued: [] });
  });

  it('the SDK handles a signed plain body although a key is set; here it is 401', async () => {
    const request = signedRequest(MESSAGE, encryptKey);
    const { dispatcher, received } = both();
    await postToOfficial(dispatcher, request);
    expect(received).toHaveLength(1);
    const actual = await postToProject(request, BOTH);
    expect(actual).toMatchObject({ status: 401, body: { code: 'FEISHU_BODY_NOT_ENCRYPTED' }, queued: [] });
  });

  it('the SDK does not respond if a handler throws; here the event is queued before any handler runs', async () => {
    const dispatcher = failingDispatcher('im.message.receive_v1', { encryptKey });
    expect(await postToOfficial(dispatcher, secured(MESSAGE))).toEqual({ hasResponse: false });
    expect(await postToProject(secured(MESSAGE), BOTH)).toEqual({ ...ACCEPTED, queued: [MESSAGE] });
  });

  it('the SDK does not respond to a click if a handler throws; here the user sees an error and the click is queued', async () => {
    const click = sample('card.action.trigger');
    const dispatcher = failingDispatcher('card.action.trigger', { encryptKey });
    expect(await postToOfficial(dispatcher, secured(click))).toEqual({ hasResponse: false });
    const handler = onCallback('card.action.trigger', () => {
      throw new Error('The database is down');
    });
    expect(await postToProject(secured(click), BOTH, { importCallback: async () => ({ default: handler }) })).toEqual({
      status: 200,
      body: { toast: expect.objectContaining({ type: 'error' }) },
      queued: [click],
    });
  });

  it('the SDK does not respond to a path with a query string; here the event is queued', async () => {
    const { dispatcher, received } = both();
    expect(await postToOfficial(dispatcher, secured(MESSAGE), { path: `${OFFICIAL_PATH}?from=feishu` })).toEqual({
      hasResponse: false,
    });
    expect(received).toEqual([]);
    const toEvent = (request: WebhookRequest) =>
      ({
        ...toHttpEvent(request),
        rawQueryString: 'from=feishu',
        queryStringParameters: { from: 'feishu' },
      }) as HttpEvent;
    expect(await postToProject(secured(MESSAGE), BOTH, { toEvent })).toEqual({ ...ACCEPTED, queued: [MESSAGE] });
  });

  it('the SDK does not respond to a URL verification that cannot be decrypted; here it is 401', async () => {
    const request = plainRequest('{"encrypt":"P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}');
    const official = await postToOfficial(both().dispatcher, request, { autoChallenge: true });
    expect(official).toEqual({ hasResponse: false });
    const actual = await postToProject(request, BOTH);
    expect(actual).toMatchObject({ status: 401, body: { code: 'FEISHU_SIGNATURE_MISSING' }, queued: [] });
  });

  it('the SDK corrupts a character that is split between two chunks; here the bytes are joined first', async () => {
    const text = sample('im.message.receive_v1', textMessage('你好'));
    const bytes = Buffer.from(text);
    const middle = bytes.indexOf('你') + 1;
    const body = ReadableStream.from([bytes.subarray(0, middle), bytes.subarray(middle)]);
    const { dispatcher, received } = tokenOnly();
    await postToOfficial(dispatcher, { headers: plainRequest(text).headers, body });
    expect(JSON.stringify(received)).toContain('\uFFFD');
    expect(await postToProject(plainRequest(text), TOKEN_ONLY)).toEqual({ ...ACCEPTED, queued: [text] });
  });

  it('the SDK rounds integers above 2^53; here the queued text keeps them', async () => {
    const text = MESSAGE.replace('"event":{', '"event":{"id":18446744073709551615,');
    const { dispatcher, received } = both();
    await postToOfficial(dispatcher, secured(text));
    expect(received[0]?.id).toBe(2 ** 64);
    expect(await postToProject(secured(text), BOTH)).toEqual({ ...ACCEPTED, queued: [text] });
  });

  it("the SDK replaces the uuid in a v1.0 event's payload with the envelope's; here the payload keeps it", async () => {
    const request = secured(sample('approval_instance', { uuid: 'the instance' }));
    const { dispatcher, received } = officialDispatcher('approval_instance', { encryptKey });
    await postToOfficial(dispatcher, request);
    expect(received[0]?.uuid).not.toBe('the instance');
    expect(readEvent(request, BOTH).event.uuid).toBe('the instance');
  });
});

describe('errors of the SDK for Python', () => {
  it('the SDK responds 500 to an event without a handler, for hours; here it is queued', async () => {
    const text = sample('drive.file.edit_v1', {});
    expect(await postToProject(secured(text), BOTH)).toEqual({ ...ACCEPTED, queued: [text] });
  });

  it.each([['x-lark-signature'], ['X-LARK-SIGNATURE'], ['X-Lark-Signature']])(
    'the SDK accepts only one spelling of each header; here %s is accepted too',
    async (name) => {
      const { headers, body } = secured(MESSAGE);
      const spelled = { ...headers, 'x-lark-signature': undefined, [name]: headers['x-lark-signature'] };
      expect(await postToProject({ headers: spelled, body }, BOTH)).toEqual({ ...ACCEPTED, queued: [MESSAGE] });
    },
  );
});

describe('errors of bolt-js: it reads a base64 body as ASCII and rejects signed text that is not English', () => {
  for (const words of ['你好', '👋🏽 👨‍👩‍👧', 'naïve Ünïcödé', 'ASCII']) {
    it.each(TRANSPORTS)(`here "${words}" is queued unchanged, with $name`, async ({ toEvent }) => {
      const message = sample('im.message.receive_v1', textMessage(words));
      expect(await postToProject(plainRequest(message), TOKEN_ONLY, { toEvent })).toEqual({
        ...ACCEPTED,
        queued: [message],
      });
      expect(await postToProject(secured(message), BOTH, { toEvent })).toEqual({ ...ACCEPTED, queued: [message] });
    });

    it.each(TRANSPORTS)(
      `here "${words}" in a signed plain body matches its signature, with $name`,
      async ({ toEvent }) => {
        const text = JSON.stringify({ ...JSON.parse(sample('card.action.trigger_v1')), action: { value: { words } } });
        const request = signedRequest(text, verificationToken, { algorithm: 'sha1' });
        expect(await postToProject(request, BOTH, { toEvent })).toEqual({ status: 200, body: {}, queued: [text] });
      },
    );
  }
});
