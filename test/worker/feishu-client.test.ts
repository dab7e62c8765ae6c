import { randomUUID } from 'node:crypto';
import { Client } from '@larksuiteoapi/node-sdk';
import type { Context } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { type EventContext, onEvent } from '../../lib/handler.ts';
import type { ImportModule } from '../../lib/handler-runtime/find-handler.ts';
import { encodeMessage } from '../../lib/queue/message.ts';
import { toSqsRecord } from '../../lib/queue/sqs-record.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { createLogCapture } from '../../lib/testing/captured-log.ts';
import { run } from '../../lib/testing/run.ts';
import { createLazyClient } from '../../lib/worker/feishu-client.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { PlatformApi } from '../support/platform-api.ts';
import { writtenLines } from '../support/written-output.ts';

type Handle = (context: EventContext) => unknown;

const content = JSON.stringify({ text: 'Good morning' });
const data = { msg_type: 'text', content };
const reply = { path: { message_id: 'om_1' }, data };
const request = { method: 'POST', url: '/open-apis/im/v1/messages/om_1/reply', data };

/** Ways to call the client that a handler may choose, and the name that the test kit records. */
const CALLS: [string, Handle, recorded: string][] = [
  ['feishu.request()', ({ feishu }) => feishu.request(request), 'request'],
  ['feishu.im.message.reply()', ({ feishu }) => feishu.im.message.reply(reply), 'im.message.reply'],
  ['feishu.im.v1.message.reply()', ({ feishu }) => feishu.im.v1.message.reply(reply), 'im.v1.message.reply'],
  ['a request() that was taken out of the client', ({ feishu: { request: send } }) => send(request), 'request'],
  ['request() on another object', ({ feishu }) => ({ send: feishu.request }).send(request), 'request'],
  ['request() as a callback', ({ feishu }) => Promise.all([request].map((one) => feishu.request(one))), 'request'],
  ['Reflect.apply', ({ feishu }) => Reflect.apply(feishu.request, undefined, [request]), 'request'],
  [
    'a reply() that was taken out of the client',
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

/** What a handler may find out about the client without a call. Each is a fact of its own. */
const QUESTIONS: [string, (feishu: Client) => unknown][] = [
  ['whether it is a Client', (feishu) => feishu instanceof Client],
  ['its members', (feishu) => Object.keys(feishu).toSorted()],
  ['the members of a copy', (feishu) => Object.keys({ ...feishu }).toSorted()],
  ['all its own members', (feishu) => Reflect.ownKeys(feishu).map(String).toSorted()],
  [
    'what for...in names',
    (feishu) => {
      const names: string[] = [];
      for (const name in feishu) names.push(name);
      return names.toSorted();
    },
  ],
  ['what it has', (feishu) => ['im', 'request', 'answer', 'then'].map((name) => name in feishu)],
  ['what it has itself', (feishu) => ['im', 'request', 'answer'].map((name) => Object.hasOwn(feishu, name))],
  ['whether it has a member itself', (feishu) => Object.prototype.propertyIsEnumerable.call(feishu, 'im')],
  ['whether it can be extended', (feishu) => [Object.isExtensible(feishu), Reflect.preventExtensions(feishu)]],
  ['whether its methods stay the same', (feishu) => isSame(() => feishu.request)],
  ['whether its parts stay the same', (feishu) => [isSame(() => feishu.im), isSame(() => feishu.im.message)]],
  ['whether the methods of its parts do', (feishu) => isSame(() => feishu.im.message.reply)],
  ['what kind its members are', (feishu) => [typeof feishu.request, typeof feishu.im, typeof feishu.im.message.reply]],
  ['its prototype', (feishu) => typeof Reflect.get(Object.getPrototypeOf(feishu), 'request')],
  ['its class', (feishu) => [feishu.constructor === Client, feishu.constructor.name]],
  [
    'what an assignment does',
    (feishu) => {
      const noted = Object.assign(feishu, { note: 'a' });
      const isNoted = 'note' in feishu && noted.note === 'a';
      return [isNoted, Reflect.deleteProperty(feishu, 'note'), 'note' in feishu];
    },
  ],
  [
    'what a definition does',
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
    'what a method of a part does without it',
    async (feishu) => {
      const { getTenantAccessToken } = feishu.tokenManager;
      return Promise.try(getTenantAccessToken, {}).then(
        () => 'succeeds',
        (error: Error) => error.name,
      );
    },
  ],
  ['what a method of a part does', (feishu) => feishu.userAccessToken.get('a key that is not known')],
  ['what a method of Object does', (feishu) => [feishu.im.toString(), `${feishu}`]],
];

const noModule: ImportModule = (name) => {
  throw new Error(`Module not found in bundle: ${name}`);
};

describe.each([
  ['store', { FEISHU_APP_TYPE: 'store' }, 'one'],
  ['self-built', {}, 'own'],
])('The client that the worker of a %s app hands out', (_, app, tenant) => {
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

  it.each(CALLS)('sends with %s, as in the test kit', async (_name, handle, recorded) => {
    platform.sent.length = 0;
    await deliver(handle);
    expect(platform.sent).toEqual([{ tenant, text: 'Good morning' }]);
    const { outcome, calls } = await run(
      onEvent('im.message.receive_v1', (_event, eventContext) => handle(eventContext)),
      textMessage('Hello'),
    );
    expect({ outcome, calls: calls.map(({ name }) => name) }).toEqual({ outcome: 'handled', calls: [recorded] });
  });

  it.each(QUESTIONS)('says the same as that of the test kit of %s', async (question, ask) => {
    const answers: unknown[] = [];
    const handle: Handle = async ({ feishu }) => answers.push(await ask(feishu));
    await deliver(handle);
    await run(
      onEvent('im.message.receive_v1', (_event, eventContext) => handle(eventContext)),
      textMessage('Hello'),
    );
    const [deployed, tested] = answers;
    expect(answers.length).toBe(2);
    // A store app's client is of a class of its own, which is a Client.
    if (question === 'its class' && tenant === 'one') expect(deployed).toEqual([false, 'StoreAppClient']);
    else expect(deployed).toEqual(tested);
  });

  it('is left out of the log', async () => {
    await deliver(({ feishu, log }) => {
      log.info('with the client', { feishu, list: [feishu] });
      log.info('the client only', feishu as never);
    });
    const lines = writtenLines().join('\n');
    expect(lines).toMatch(/with the client.*the client only/s);
    expect(lines).not.toContain(platform.appSecret);
  });
});

const environment = { FEISHU_APP_ID: 'cli_0123456789abcdef', FEISHU_APP_SECRET: 'the secret of the app' };

describe('The test kit', () => {
  it('records what the handler calls, and not what the SDK calls in turn', async () => {
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

  it('makes a promise of what a stub returns or throws, as the client does', async () => {
    const seen: unknown[] = [];
    const handler = onEvent('im.message.receive_v1', async (_event, { feishu }) => {
      await feishu.request(request).then((answer) => seen.push(answer));
      await feishu.im.message.reply(reply).catch((error: Error) => seen.push(error.message));
    });
    const throwing = () => {
      throw new Error('refused');
    };
    const stubs = { request: () => ({ code: 1 }), im: { message: { reply: throwing } } };
    expect(await run(handler, textMessage('Hello'), { feishu: stubs })).toMatchObject({ outcome: 'handled' });
    expect(seen).toEqual([{ code: 1 }, 'refused']);
  });
});

test('a client that could not be made is made at its next use', () => {
  const incomplete: Record<string, string> = {};
  const feishu = createLazyClient(incomplete, createLogCapture().log, undefined);
  expect(() => feishu.im).toThrow('FEISHU_APP_ID');
  Object.assign(incomplete, environment);
  expect(feishu.im).toBeDefined();
});

test("of what the SDK gives to its logger, only the SDK's own words are logged", () => {
  const { log, lines } = createLogCapture();
  const { logger } = createLazyClient(environment, log, undefined) as unknown as { logger: Record<string, () => void> };
  const request = { config: { headers: { Authorization: 'Bearer t-secret' }, data: 'secret' } };
  const given: unknown[][] = [
    [Object.assign(new Error('secret'), request)],
    [request],
    // As its calls do: what it knows of the error, then the body of the response.
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
  const words = { level: 'warn', message: 'Feishu SDK: user access code expired', fields: {} };
  expect(lines).toEqual([words, words]);
});
