import { randomUUID } from 'node:crypto';
import { Client } from '@larksuiteoapi/node-sdk';
import type { Context } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { createLazyClient } from '../../lib/api-client/feishu-client.ts';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { type EventContext, onEvent } from '../../lib/handler.ts';
import type { ImportModule } from '../../lib/handler-runtime/find-handler.ts';
import { encodeMessage } from '../../lib/queue/message.ts';
import { toSqsRecord } from '../../lib/queue/sqs-record.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { createLogCapture } from '../../lib/testing/captured-log.ts';
import { run } from '../../lib/testing/run.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { PlatformApi } from '../support/platform-api.ts';
import { writtenLines } from '../support/written-output.ts';

type Handle = (context: EventContext) => unknown;

const content = JSON.stringify({ text: 'Good morning' });
const data = { msg_type: 'text', content };
const reply = { path: { message_id: 'om_1' }, data };
const request = { method: 'POST', url: '/open-apis/im/v1/messages/om_1/reply', data };

/** Ways in which a handler may call the client, and the name that the test kit records. */
const CALLS: [string, Handle, recorded: string][] = [
  ['feishu.request()', ({ feishu }) => feishu.request(request), 'request'],
  ['feishu.im.message.reply()', ({ feishu }) => feishu.im.message.reply(reply), 'im.message.reply'],
  ['feishu.im.v1.message.reply()', ({ feishu }) => feishu.im.v1.message.reply(reply), 'im.v1.message.reply'],
  ['a destructured request()', ({ feishu: { request: send } }) => send(request), 'request'],
  ['request() as a method of another object', ({ feishu }) => ({ send: feishu.request }).send(request), 'request'],
  ['request() as a callback', ({ feishu }) => Promise.all([request].map((one) => feishu.request(one))), 'request'],
  ['Reflect.apply', ({ feishu }) => Reflect.apply(feishu.request, undefined, [request]), 'request'],
  [
    'a destructured reply()',
    ({ feishu }) => {
      const { reply: send } = feishu.im.message;
      return send(reply);
    },
    'im.message.reply',
  ],
  ['im of a copy', ({ feishu }) => ({ ...feishu }).im.message.reply(reply), 'im.message.reply'],
  ['bind', ({ feishu }) => feishu.request.bind(feishu)(request), 'request'],
];

const isSame = (read: () => unknown) => new Set([read(), read()]).size === 1;

/** Properties of the client that a handler can observe without an API call. */
const PROPERTIES: [string, (feishu: Client) => unknown][] = [
  ['whether it is a Client', (feishu) => feishu instanceof Client],
  ['its members', (feishu) => Object.keys(feishu).toSorted()],
  ['the members of a copy', (feishu) => Object.keys({ ...feishu }).toSorted()],
  ['all own members', (feishu) => Reflect.ownKeys(feishu).map(String).toSorted()],
  [
    'the names that for...in lists',
    (feishu) => {
      const names: string[] = [];
      for (const name in feishu) names.push(name);
      return names.toSorted();
    },
  ],
  ['the result of the in operator', (feishu) => ['im', 'request', 'reply', 'then'].map((name) => name in feishu)],
  ['the result of Object.hasOwn', (feishu) => ['im', 'request', 'reply'].map((name) => Object.hasOwn(feishu, name))],
  ['whether a member is enumerable', (feishu) => Object.prototype.propertyIsEnumerable.call(feishu, 'im')],
  ['whether it can be extended', (feishu) => [Object.isExtensible(feishu), Reflect.preventExtensions(feishu)]],
  ['whether its methods are stable', (feishu) => isSame(() => feishu.request)],
  ['whether its parts are stable', (feishu) => [isSame(() => feishu.im), isSame(() => feishu.im.message)]],
  ['whether the methods of its parts are stable', (feishu) => isSame(() => feishu.im.message.reply)],
  ['the types of its members', (feishu) => [typeof feishu.request, typeof feishu.im, typeof feishu.im.message.reply]],
  ['its prototype', (feishu) => typeof Reflect.get(Object.getPrototypeOf(feishu), 'request')],
  ['its class', (feishu) => [feishu.constructor === Client, feishu.constructor.name]],
  [
    'the effect of an assignment',
    (feishu) => {
      const assigned = Object.assign(feishu, { note: 'a' });
      const isAssigned = 'note' in feishu && assigned.note === 'a';
      return [isAssigned, Reflect.deleteProperty(feishu, 'note'), 'note' in feishu];
    },
  ],
  [
    'the effect of defineProperty',
    (feishu) => {
      Object.defineProperty(feishu, 'note', { value: 'b', enumerable: true, configurable: true, writable: true });
      return [
        Reflect.get(feishu, 'note'),
        Object.keys(feishu).includes('note'),
        Reflect.deleteProperty(feishu, 'note'),
      ];
    },
  ],
  [
    'the effect of an unbound method of a part',
    async (feishu) => {
      const { getTenantAccessToken } = feishu.tokenManager;
      return Promise.try(getTenantAccessToken, {}).then(
        () => 'succeeds',
        (error: Error) => error.name,
      );
    },
  ],
  ['the result of a method of a part', (feishu) => feishu.userAccessToken.get('an unknown key')],
  ['the result of a method of Object', (feishu) => [feishu.im.toString(), `${feishu}`]],
];

const noModule: ImportModule = (name) => {
  throw new Error(`Module not found in bundle: ${name}`);
};

describe.each([
  ['store', { FEISHU_APP_TYPE: 'store' }, 'one'],
  ['self-built', {}, 'own'],
])('The client of a %s app', (_, app, tenant) => {
  const aws = emulatedAws();
  let platform: PlatformApi;
  const context = { getRemainingTimeInMillis: () => 600_000 } as Context;

  beforeAll(async () => {
    platform = await PlatformApi.start();
    platform.validTickets.add('a ticket');
    const event = { app_id: platform.appId, tenant_key: undefined, app_ticket: 'a ticket' };
    await deliver(() => {}, createSample('app_ticket', { version: '1.0', token: '', event }));
  });
  afterAll(() => platform[Symbol.asyncDispose]());

  function messageEvent(): string {
    const event = textMessage('Hello');
    const {
      schema,
      header,
      event: payload,
    } = JSON.parse(createSample('im.message.receive_v1', { version: '2.0', token: '', event }));
    return JSON.stringify({ schema, header: { ...header, tenant_key: 'one' }, event: payload });
  }

  async function deliver(handle: Handle, text = messageEvent()): Promise<void> {
    const handler = onEvent('im.message.receive_v1', (_event, eventContext) => handle(eventContext));
    const v2: ImportModule = (name) => (name === handler.type ? Promise.resolve({ default: handler }) : noModule(name));
    const environment = { ...aws.environment, ...platform.environment, ...app, LOG_LEVEL: 'DEBUG' };
    const worker = createWorker({ v2, v1: noModule, fallback: noModule }, environment);
    const queued = { text, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
    const { queueUrl, queueArn } = aws.emulators;
    const { MessageBody, MessageAttributes } = encodeMessage(queueUrl, parseEnvelope(text) as EventEnvelope, queued);
    const message = { MessageId: randomUUID(), ReceiptHandle: 'handle', Body: MessageBody, MessageAttributes };
    const record = toSqsRecord({ ...message, Attributes: { ApproximateReceiveCount: '1' } }, queueArn);
    expect(await worker({ Records: [record] }, context), writtenLines().join('\n')).toEqual({ batchItemFailures: [] });
  }

  it.each(CALLS)('can be called with %s, like the client of the test kit', async (_name, handle, recorded) => {
    platform.sent.length = 0;
    await deliver(handle);
    expect(platform.sent).toEqual([{ tenant, text: 'Good morning' }]);
    const { outcome, calls } = await run(
      onEvent('im.message.receive_v1', (_event, eventContext) => handle(eventContext)),
      textMessage('Hello'),
    );
    expect({ outcome, calls: calls.map(({ name }) => name) }).toEqual({ outcome: 'handled', calls: [recorded] });
  });

  it.each(PROPERTIES)('has the same value as the client of the test kit: %s', async (property, read) => {
    const values: unknown[] = [];
    const handle: Handle = async ({ feishu }) => values.push(await read(feishu));
    await deliver(handle);
    await run(
      onEvent('im.message.receive_v1', (_event, eventContext) => handle(eventContext)),
      textMessage('Hello'),
    );
    const [deployed, tested] = values;
    expect(values.length).toBe(2);
    // A store app's client is a subclass of Client.
    if (property === 'its class' && tenant === 'one') expect(deployed).toEqual([false, 'StoreAppClient']);
    else expect(deployed).toEqual(tested);
  });

  it('is omitted from the log', async () => {
    await deliver(({ feishu, log }) => {
      log.info('with the client', { feishu, list: [feishu] });
      log.info('the client only', feishu as never);
    });
    const lines = writtenLines().join('\n');
    expect(lines).toMatch(/with the client.*the client only/s);
    expect(lines).not.toContain(platform.appSecret);
  });
});

const time = { remainingMilliseconds: () => 60_000, signal: new AbortController().signal };
const environment = { FEISHU_APP_ID: 'cli_0123456789abcdef', FEISHU_APP_SECRET: 'the secret of the app' };

describe('The test kit', () => {
  it('records the calls of the handler, but not those that the SDK makes itself', async () => {
    const handler = onEvent('im.message.receive_v1', async (_event, { feishu }) => {
      await feishu.tokenManager.getTenantAccessToken({});
      expect(feishu.im.toString()).toBe('[object Object]');
    });
    const { outcome, calls } = await run(handler, textMessage('Hello'));
    expect({ outcome, calls: calls.map(({ name }) => name) }).toEqual({
      outcome: 'handled',
      calls: ['tokenManager.getTenantAccessToken'],
    });
  });

  it('wraps the result or error of a stub in a promise, like the client', async () => {
    const seen: unknown[] = [];
    const handler = onEvent('im.message.receive_v1', async (_event, { feishu }) => {
      await feishu.request(request).then((response) => seen.push(response));
      await feishu.im.message.reply(reply).catch((error: Error) => seen.push(error.message));
    });
    const throwing = () => {
      throw new Error('rejected');
    };
    const stubs = { request: () => ({ code: 1 }), im: { message: { reply: throwing } } };
    expect(await run(handler, textMessage('Hello'), { feishu: stubs })).toMatchObject({ outcome: 'handled' });
    expect(seen).toEqual([{ code: 1 }, 'rejected']);
  });
});

test('a client that could not be created is created on its next use', () => {
  const incomplete: Record<string, string> = {};
  const feishu = createLazyClient(incomplete, createLogCapture().log, undefined, time);
  expect(() => feishu.im).toThrow('FEISHU_APP_ID');
  Object.assign(incomplete, environment);
  expect(feishu.im).toBeDefined();
});

test("only the SDK's own messages are logged", () => {
  const { log, lines } = createLogCapture();
  const { logger } = createLazyClient(environment, log, undefined, time) as unknown as {
    logger: Record<string, () => void>;
  };
  const request = { config: { headers: { Authorization: 'Bearer t-secret' }, data: 'secret' } };
  const given: unknown[][] = [
    [Object.assign(new Error('secret'), request)],
    [request],
    // Like the SDK's calls: a description of the error, then the body of the response.
    [[{ message: 'Request failed', ...request }, 'a secret body']],
    [[request, { code: 1 }]],
    [request, 'not the first'],
    [null],
    [],
    ['user access code expired', 'key', 'a secret code', request],
  ];
  for (const level of ['error', 'warn', 'info', 'debug', 'trace']) {
    for (const messages of given) Reflect.apply(logger[level] as () => void, logger, messages);
  }
  const line = { level: 'warn', message: 'Feishu SDK: user access code expired', fields: {} };
  expect(lines).toEqual([line, line]);
});
