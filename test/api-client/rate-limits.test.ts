import { Readable } from 'node:stream';
import { DeleteMessageCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { Context, SQSRecord } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLazyClient } from '../../lib/api-client/feishu-client.ts';
import { rateLimitSeconds } from '../../lib/api-client/rate-limits.ts';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { onEvent } from '../../lib/handler.ts';
import { createQueue } from '../../lib/intake/event-queue.ts';
import { type HttpServer, startHttpServer } from '../../lib/local/http-server.ts';
import { toSqsRecord } from '../../lib/queue/sqs-record.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { createLogCapture } from '../../lib/testing/captured-log.ts';
import { type HttpResponse, jsonResponse } from '../../lib/webhook/http.ts';
import { retryDelaySeconds } from '../../lib/worker/retry.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { modulesOf } from '../support/handler-modules.ts';

const TOKEN_PATH = '/open-apis/auth/v3/tenant_access_token/internal';
const reply = { path: { message_id: 'om_1' }, data: { msg_type: 'text', content: '{}' } };

describe('A call that the platform rejects because of a rate limit', () => {
  let server: HttpServer;
  /** The responses to the next calls. Afterwards, calls succeed. */
  const rejections: HttpResponse[] = [];
  /** When each call arrived. */
  const arrivals: number[] = [];

  beforeEach(async () => {
    rejections.length = arrivals.length = 0;
    server = await startHttpServer('127.0.0.1', 0, ({ url }) => {
      if (url === TOKEN_PATH) return jsonResponse(200, { code: 0, tenant_access_token: 't-1', expire: 7200 });
      arrivals.push(performance.now());
      return rejections.shift() ?? jsonResponse(200, { code: 0, data: { message_id: 'om_2' } });
    });
  });
  afterEach(() => server.stop());

  function clientWith(remainingMilliseconds: number, signal = new AbortController().signal) {
    const environment = { FEISHU_APP_ID: 'cli_1', FEISHU_APP_SECRET: 'secret', FEISHU_DOMAIN: server.origin };
    const time = { remainingMilliseconds: () => remainingMilliseconds, signal };
    return createLazyClient(environment, createLogCapture().log, undefined, time);
  }

  const rejectedCall = (remainingMilliseconds: number) =>
    clientWith(remainingMilliseconds)
      .im.message.reply(reply)
      .then(
        () => undefined,
        (error: unknown) => error,
      );

  it.each([
    ['429 and x-ogw-ratelimit-reset', 429, 99991400, { 'x-ogw-ratelimit-reset': '0.3' }, 300],
    ['400 with code 99991400', 400, 99991400, { 'x-ogw-ratelimit-reset': '0.3' }, 300],
    ['429 and Retry-After', 429, 1, { 'retry-after': '0.3' }, 300],
    ['400 with code 230020 and no time', 400, 230020, {}, 1000],
    ['200 with code 99991400', 200, 99991400, { 'x-ogw-ratelimit-reset': '0.3' }, 300],
    ['200 with code 230020 and no time', 200, 230020, {}, 1000],
    ['429 with code 230020 and no time', 429, 230020, {}, 1000],
  ])('with %s is repeated after that time, and no earlier', async (_, status, code, headers, milliseconds) => {
    rejections.push(jsonResponse(status, { code, msg: 'limited' }, headers));
    expect(await clientWith(60_000).im.message.reply(reply)).toEqual({ code: 0, data: { message_id: 'om_2' } });
    const [first = 0, second = 0] = arrivals;
    expect(arrivals.length).toBe(2);
    // Timers of Node.js may fire up to a millisecond early.
    expect(second - first).toBeGreaterThanOrEqual(milliseconds - 1);
  });

  it.each([
    ['200', 200],
    ['400', 400],
    ['429', 429],
  ])('is also repeated if it was made with `request` and the status is %s', async (_, status) => {
    rejections.push(jsonResponse(status, { code: 99991400, msg: 'limited' }, { 'x-ogw-ratelimit-reset': '0.1' }));
    const request = { method: 'POST', url: '/open-apis/im/v1/messages/om_1/reply', data: reply.data };
    expect(await clientWith(60_000).request(request)).toEqual({ code: 0, data: { message_id: 'om_2' } });
    expect(arrivals.length).toBe(2);
  });

  it.each([99991400, 230020])(
    'fails if the status is 200, the code %i and the invocation has no time',
    async (code) => {
      rejections.push(jsonResponse(200, { code, msg: 'limited' }, { 'x-ogw-ratelimit-reset': '90' }));
      const error = await rejectedCall(60_000);
      expect(arrivals.length).toBe(1);
      expect(`${error}`).toContain(`${code} limited`);
      expect(rateLimitSeconds(error)).toBeGreaterThanOrEqual(80);
    },
  );

  it('is not repeated if the invocation has no time, and returns the event at that time', async () => {
    rejections.push(jsonResponse(429, { code: 99991400 }, { 'x-ogw-ratelimit-reset': '90' }));
    const error = await rejectedCall(60_000);
    expect(arrivals.length).toBe(1);
    for (const thrown of [error, new Error('wrapped', { cause: error }), new AggregateError([new Error(), error])]) {
      expect(retryDelaySeconds(thrown, 1, 0)).toBeGreaterThanOrEqual(80);
      expect(retryDelaySeconds(thrown, 4, 1)).toBeLessThanOrEqual(108);
    }
  });

  it('may name a date in Retry-After', async () => {
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    rejections.push(jsonResponse(429, {}, { 'retry-after': date }));
    expect(rateLimitSeconds(await rejectedCall(60_000))).toBeGreaterThan(3000);
  });

  it('returns the event after at most the longest delay of the queue', async () => {
    rejections.push(jsonResponse(429, {}, { 'x-ogw-ratelimit-reset': '1e9' }));
    expect(rateLimitSeconds(await rejectedCall(60_000))).toBe(42_300);
  });

  it('is not repeated if it contains a stream, which can be sent only once', async () => {
    rejections.push(jsonResponse(429, {}, { 'x-ogw-ratelimit-reset': '0' }));
    const image = Readable.from(['image']);
    const request = { method: 'POST', url: '/open-apis/im/v1/images', data: { image } };
    const error = await clientWith(60_000)
      .request(request)
      .catch((thrown: unknown) => thrown);
    expect(rateLimitSeconds(error)).toBe(1);
    expect(arrivals.length).toBe(1);
  });

  it('stops waiting when the time of the invocation ends', async () => {
    rejections.push(jsonResponse(429, {}, { 'x-ogw-ratelimit-reset': '40' }));
    const controller = new AbortController();
    const call = clientWith(60_000, controller.signal).im.message.reply(reply);
    const ended = expect(call).rejects.toThrow('no time left');
    while (arrivals.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort(new Error('no time left'));
    await ended;
    expect(arrivals.length).toBe(1);
  });

  it('is distinguished from other errors, which are thrown at once', async () => {
    rejections.push(jsonResponse(400, { code: 230001, msg: 'invalid' }, { 'x-ogw-ratelimit-reset': '90' }));
    const error = await rejectedCall(60_000);
    expect(arrivals.length).toBe(1);
    expect(rateLimitSeconds(error)).toBeUndefined();
  });
});

describe('An ordered conversation', () => {
  const aws = emulatedAws({ ordering: 'conversation' });

  it('continues in order after the time that the platform says, if the invocation has no time to wait', async () => {
    await using resources = new AsyncDisposableStack();
    const arrivals: { id: string; at: number }[] = [];
    const server = await startHttpServer('127.0.0.1', 0, ({ url }, body) => {
      if (url === TOKEN_PATH) return jsonResponse(200, { code: 0, tenant_access_token: 't-2', expire: 7200 });
      arrivals.push({ id: JSON.parse(body.toString()).content, at: performance.now() });
      if (arrivals.length > 1) return jsonResponse(200, { code: 0 });
      return jsonResponse(400, { code: 99991400 }, { 'x-ogw-ratelimit-reset': '2' });
    });
    resources.defer(() => server.stop());
    const handler = onEvent('im.message.receive_v1', async ({ message }, { feishu }) => {
      const data = { msg_type: 'text', content: message.content };
      await feishu.im.message.reply({ path: { message_id: message.message_id }, data });
    });
    const app = { FEISHU_APP_ID: 'cli_2', FEISHU_APP_SECRET: 'secret', FEISHU_DOMAIN: server.origin };
    const v2 = modulesOf({ 'im.message.receive_v1': handler });
    const modules = { v2, v1: modulesOf({}), fallback: modulesOf({}) };
    const worker = createWorker(modules, { ...aws.environment, ...app });
    const { queueUrl, sqs } = aws.emulators;
    const queue = createQueue(queueUrl);
    for (const text of ['A', 'B', 'C']) {
      const event = textMessage(text);
      event.message.chat_id = 'oc_1';
      const body = createSample('im.message.receive_v1', { version: '2.0', token: '', event });
      const queued = { text: body, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
      await queue.send(parseEnvelope(body) as EventEnvelope, queued, new AbortController().signal);
    }
    // Like the event source mapping of a FIFO queue.
    const receiveOneCommand = new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: 1,
      MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['All'],
    });
    const receiveOne = async (): Promise<SQSRecord> => {
      for (;;) {
        const { Messages: [message] = [] } = await sqs.send(receiveOneCommand);
        if (message !== undefined) return toSqsRecord(message, aws.emulators.queueArn);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    // Less than the client reserves, so that it does not wait.
    const context = { getRemainingTimeInMillis: () => 9000 } as Context;
    while (arrivals.length < 4) {
      const record = await receiveOne();
      const { batchItemFailures } = await worker({ Records: [record] }, context);
      const deletion = new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: record.receiptHandle });
      if (batchItemFailures.length === 0) await sqs.send(deletion);
    }
    expect(arrivals.map(({ id }) => JSON.parse(id).text)).toEqual(['A', 'A', 'B', 'C']);
    const [rejected, repeated] = arrivals.map(({ at }) => at) as [number, number];
    // An ordinary first failure is retried after one second.
    expect(repeated - rejected).toBeGreaterThanOrEqual(1999);
    expect(await aws.receive(aws.emulators.deadLetterQueueUrl)).toEqual([]);
  });
});
