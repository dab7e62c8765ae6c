import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openDeadLetterQueue } from '../../../lib/dead-letters/dead-letter-queue.ts';
import { checkArrival, createSelfTest } from '../../../lib/deploy/doctor/arrival.ts';
import {
  checkChallenge,
  checkForgery,
  type DeployedWebhook,
  UnexpectedResponse,
} from '../../../lib/deploy/doctor/webhook.ts';
import { type Emulators, startEmulators } from '../../../lib/local/emulators/emulators.ts';
import { wait } from '../../support/wait.ts';
import { type FunctionsOptions, type RunningFunctions, startFunctions } from '../running-functions.ts';

// The doctor against the webhook and the worker themselves, healthy and broken in each way it tells apart.

const SECRETS = { FEISHU_ENCRYPT_KEY: 'key of the app', FEISHU_VERIFICATION_TOKEN: 'token of the app' };
/** By the clock of the test, which may stand still. */
const WAIT_MILLISECONDS = 180_000;

let emulators: Emulators;
let dynamo: DynamoDBClient;
const savedEnvironment = process.env;
const running: { stop(): Promise<unknown> }[] = [];

// Of its own to each test: a poll that was given up still takes a message from fauxqs.
beforeEach(async () => {
  emulators = await startEmulators({ ordering: 'none', visibilityTimeoutSeconds: 3600 });
  process.env = { ...process.env, ...emulators.environment };
  dynamo = new DynamoDBClient();
});

afterEach(async () => {
  vi.useRealTimers();
  for (const { stop } of running.splice(0)) await stop();
  dynamo.destroy();
  process.env = savedEnvironment;
  await emulators.stop();
});

describe('the challenge', () => {
  // Its answers take no time, but for what a test says.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));

  test('is answered by the deployed webhook', async () => {
    const { url } = await start();
    expect(await checkChallenge(asWebhook(url))).toMatchObject({
      verdict: 'ok',
      text: expect.stringContaining('The URL answers a challenge in 0.'),
    });
  });

  test('is answered when there is no Encrypt Key, too', async () => {
    const { url } = await start({ FEISHU_ENCRYPT_KEY: '' });
    expect(await checkChallenge(asWebhook(url, { encryptKeys: [] }))).toMatchObject({ verdict: 'ok' });
  });

  test('may be late once, when the function is cold', async () => {
    expect(await checkChallenge(await slowWebhook([1200, 0]))).toMatchObject({
      verdict: 'ok',
      text: expect.stringMatching(/in 0\.00 s \(the first, cold, took 1\.20 s\)/),
    });
  });

  test('that is late twice is a problem', async () => {
    expect(await checkChallenge(await slowWebhook([1200, 1200]))).toMatchObject({ verdict: 'problem' });
  });

  test.each([
    ['another token', { FEISHU_VERIFICATION_TOKEN: 'before' }, /401 FEISHU_SIGNATURE_MISSING/, /deploy again/],
    ['another key', { FEISHU_ENCRYPT_KEY: 'before' }, /401 FEISHU_SIGNATURE_MISSING/, /deploy again/],
    [
      'no secret',
      { FEISHU_ENCRYPT_KEY: '', FEISHU_VERIFICATION_TOKEN: '' },
      /500 FEISHU_MISCONFIGURED/,
      /logs -f webhook/,
    ],
  ])('tells that the function has %s', async (_, environment, text, advice) => {
    const { url } = await start(environment);
    await expectProblem(checkChallenge(asWebhook(url)), text, advice);
  });

  test('tells that nothing answers', async () => {
    await expectProblem(
      checkChallenge(asWebhook('http://127.0.0.1:9/feishu/events')),
      /ECONNREFUSED|bad port/,
      /HTTP API/,
    );
  });

  test('tells that the route is missing', async () => {
    const { origin } = await start();
    await expectProblem(checkChallenge(asWebhook(`${origin}/other`)), /answers 404/, /lacks the route/);
  });

  test('tells that something else answers', async () => {
    const url = await startServer(async () => 'hello');
    await expectProblem(checkChallenge(asWebhook(url)), /something else/, /Deploy again/);
  });
});

describe('a forged event', () => {
  test.each([
    ['by its signature', undefined],
    ['by its token, where there is no Encrypt Key', { encryptKeys: [] }],
  ])('is refused %s', async (_, secrets) => {
    const { url } = await start(secrets && { FEISHU_ENCRYPT_KEY: '' });
    const webhook = asWebhook(url, secrets);
    const text = createSelfTest(SECRETS.FEISHU_VERIFICATION_TOKEN, 'cli_1');
    expect(await checkForgery(webhook, text)).toMatchObject({ verdict: 'ok' });
    expect(await countQueued()).toEqual({ waiting: 0, hidden: 0 });
  });

  test('that is accepted is a problem', async () => {
    const url = await startServer(async () => '{"msg":"success"}');
    const finding = await checkForgery(asWebhook(url), createSelfTest('', 'cli_1'));
    expect(finding).toMatchObject({ verdict: 'problem', text: expect.stringContaining('200') });
  });
});

describe('an event', () => {
  test('posted to the URL reaches the worker, and no handler', async () => {
    const { url, handled } = await start();
    expect(await arrival(asWebhook(url))).toMatchObject({
      verdict: 'ok',
      text: expect.stringMatching(/^A signed event posted to the URL was handled by the worker/),
    });
    expect(handled).toEqual([]);
  });

  test('put into the queue, where there is no webhook, reaches the worker', async () => {
    await start();
    expect(await arrival(undefined)).toMatchObject({
      verdict: 'ok',
      text: expect.stringMatching(/^An event put into the queue was handled/),
    });
  });

  test('that the webhook cannot queue is told by its code', async () => {
    const { url } = await start({ QUEUE_URL: `${emulators.queueUrl}-gone` });
    await expectProblem(
      arrival(asWebhook(url)),
      /503 FEISHU_QUEUE_UNAVAILABLE/,
      /error-codes\.md#feishu_queue_unavailable/,
    );
  });

  test('that nothing takes from the queue is told', async () => {
    const { url } = await start({}, { isWorking: false });
    await expectProblem(lateArrival(asWebhook(url), isWaiting), /had not handled it/, /1 wait in the queue/);
  });

  test('that waits because the event source mapping is off is told', async () => {
    const { url } = await start({}, { isWorking: false });
    await expectProblem(
      lateArrival(asWebhook(url), isWaiting, { mappingState: 'Disabled' }),
      /had not handled it/,
      /is Disabled.*--enabled/,
    );
  });

  test('that the worker fails on is told', async () => {
    const onBatch = () => {
      throw new Error('the worker does not load');
    };
    const { url } = await start({}, { onBatch });
    const isHidden = async () => expect(await countQueued()).toEqual({ waiting: 0, hidden: 1 });
    await expectProblem(lateArrival(asWebhook(url), isHidden), /had not handled it/, /logs -f worker/);
  });

  test("that goes to another stack's claims is told", async () => {
    const onBatch = vi.fn();
    const { url } = await start({}, { onBatch });
    const elsewhere = { send: async () => ({}) } as unknown as DynamoDBClient;
    const isGone = async () => {
      expect(onBatch).toHaveBeenCalled();
      expect(await countQueued()).toEqual({ waiting: 0, hidden: 0 });
    };
    const late = lateArrival(asWebhook(url), isGone, { dynamo: elsewhere });
    await expectProblem(late, /had not handled it/, /another stack/);
  });
});

async function start(
  environment: Record<string, string> = {},
  options: Pick<FunctionsOptions, 'isWorking' | 'onBatch'> = {},
): Promise<RunningFunctions> {
  const common = { QUEUE_URL: emulators.queueUrl, CLAIMS_TABLE: emulators.claimsTable, LOG_LEVEL: 'ERROR' };
  const functions = await startFunctions({
    ...emulators,
    ...options,
    environment: { ...SECRETS, ...common, ...environment },
  });
  running.push(functions);
  return functions;
}

function asWebhook(url: string, secrets: Partial<DeployedWebhook['secrets']> = {}): DeployedWebhook {
  const { FEISHU_ENCRYPT_KEY, FEISHU_VERIFICATION_TOKEN } = SECRETS;
  return {
    url,
    secrets: { encryptKeys: [FEISHU_ENCRYPT_KEY], verificationTokens: [FEISHU_VERIFICATION_TOKEN], ...secrets },
  };
}

/** Answers challenges in the clear, after these times on the clock of the test. */
function slowWebhook(delays: number[]): Promise<DeployedWebhook> {
  const url = startServer(async (body) => {
    vi.advanceTimersByTime(delays.shift() ?? 0);
    return JSON.stringify({ challenge: JSON.parse(body).challenge });
  });
  return url.then((address) => asWebhook(address, { encryptKeys: [] }));
}

async function startServer(answer: (body: string) => Promise<string>): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks = await Array.fromAsync(request);
    response.end(await answer(Buffer.concat(chunks).toString()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  running.push({
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/feishu/events`;
}

interface ArrivalOptions {
  mappingState?: string;
  dynamo?: DynamoDBClient;
}

function arrival(webhook: DeployedWebhook | undefined, options: ArrivalOptions = {}) {
  const lambda = { send: async () => ({ State: options.mappingState ?? 'Enabled' }) } as unknown as LambdaClient;
  const parts = {
    ...emulators,
    dynamo: options.dynamo ?? dynamo,
    lambda,
    eventSourceMappingId: '0a1b',
    webhook,
    waitMilliseconds: WAIT_MILLISECONDS,
  };
  return checkArrival(parts, createSelfTest(SECRETS.FEISHU_VERIFICATION_TOKEN, 'cli_1'));
}

/** Sends an event and lets the time to wait for it pass as soon as `hasHappened` does not throw any more. */
async function lateArrival(webhook: DeployedWebhook, hasHappened: () => Promise<void>, options?: ArrivalOptions) {
  vi.useFakeTimers({ toFake: ['Date'] });
  const finding = arrival(webhook, options);
  await vi.waitFor(hasHappened, wait);
  vi.setSystemTime(Date.now() + WAIT_MILLISECONDS);
  return finding;
}

const countQueued = () => openDeadLetterQueue(emulators.sqs, emulators.queueUrl).count();
const isWaiting = async () => expect(await countQueued()).toEqual({ waiting: 1, hidden: 0 });

async function expectProblem(check: Promise<object>, text: RegExp, advice: RegExp): Promise<void> {
  const finding = await check.catch((error) => {
    if (error instanceof UnexpectedResponse) return error.finding;
    throw error;
  });
  expect(finding).toMatchObject({
    verdict: 'problem',
    text: expect.stringMatching(text),
    advice: expect.stringMatching(advice),
  });
}
