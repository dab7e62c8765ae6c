import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { openDeadLetterQueue } from '../../../lib/dead-letters/dead-letter-queue.ts';
import { checkArrival, createSelfTest } from '../../../lib/deploy/doctor/arrival.ts';
import {
  checkForgery,
  checkUrlVerification,
  type DeployedWebhook,
  requireSuccess,
  UnexpectedResponse,
} from '../../../lib/deploy/doctor/webhook.ts';
import { type Emulators, startEmulators } from '../../../lib/local/emulators/emulators.ts';
import { wait } from '../../support/wait.ts';
import { type FunctionsOptions, type RunningFunctions, startFunctions } from '../running-functions.ts';

// Runs the doctor against the real webhook and worker, healthy and with each problem that it distinguishes.

const SECRETS = { FEISHU_ENCRYPT_KEY: 'key of the app', FEISHU_VERIFICATION_TOKEN: 'token of the app' };
/** In the time of the test's clock, which may be stopped. */
const WAIT_MILLISECONDS = 180_000;

let emulators: Emulators;
let dynamo: DynamoDBClient;
const savedEnvironment = process.env;
const running: { stop(): Promise<unknown> }[] = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const { stop } of running.splice(0)) await stop();
});

describe('URL verification', () => {
  beforeAll(begin);
  afterAll(end);
  // Responses take no time, unless a test advances the clock.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));

  test('succeeds with the deployed webhook', async () => {
    const { url } = await start();
    expect(await checkUrlVerification(asWebhook(url))).toMatchObject({
      verdict: 'ok',
      text: expect.stringContaining('URL verification succeeded in 0.'),
    });
  });

  test('succeeds without an Encrypt Key', async () => {
    const { url } = await start({ FEISHU_ENCRYPT_KEY: '' });
    expect(await checkUrlVerification(asWebhook(url, { encryptKeys: [] }))).toMatchObject({ verdict: 'ok' });
  });

  test('may be late once, because of a cold start', async () => {
    expect(await checkUrlVerification(await slowWebhook([1200, 0]))).toMatchObject({
      verdict: 'ok',
      text: expect.stringMatching(/in 0\.00 s \(1\.20 s with a cold start\)/),
    });
  });

  test('must not be late twice', async () => {
    expect(await checkUrlVerification(await slowWebhook([1200, 1200]))).toMatchObject({ verdict: 'problem' });
  });

  test.each([
    ['another token', { FEISHU_VERIFICATION_TOKEN: 'before' }, /401 FEISHU_SIGNATURE_MISSING/, /Deploy again/],
    ['another key', { FEISHU_ENCRYPT_KEY: 'before' }, /401 FEISHU_SIGNATURE_MISSING/, /Deploy again/],
    [
      'no secret',
      { FEISHU_ENCRYPT_KEY: '', FEISHU_VERIFICATION_TOKEN: '' },
      /500 FEISHU_MISCONFIGURED/,
      /logs -f webhook/,
    ],
  ])('reports that the function has %s', async (_, environment, text, advice) => {
    const { url } = await start(environment);
    await expectProblem(checkUrlVerification(asWebhook(url)), text, advice);
  });

  test('reports that there is no response', async () => {
    await expectProblem(
      checkUrlVerification(asWebhook('http://127.0.0.1:9/feishu/events')),
      /ECONNREFUSED|bad port/,
      /HTTP API/,
    );
  });

  test('reports that the route is missing', async () => {
    const { origin } = await start();
    await expectProblem(checkUrlVerification(asWebhook(`${origin}/other`)), /status 404/, /has no route/);
  });

  test.each(['{"message":"Forbidden"}', '{"Message":null}'])('reports a missing ICP filing: 403 %s', (body) => {
    const check = (host: string, status: number) => () =>
      requireSuccess({ status, body, milliseconds: 1 }, `https://api.execute-api.${host}/feishu/events`, 'a request');
    expect(check('cn-north-1.amazonaws.com.cn', 403)).toThrow(/no ICP filing/);
    expect(check('cn-north-1.amazonaws.com.cn', 404)).toThrow(/is not from the webhook/);
    expect(check('eu-west-1.amazonaws.com', 403)).toThrow(/is not from the webhook/);
  });

  test('reports the response of another program', async () => {
    const url = await startServer(async () => 'hello');
    await expectProblem(checkUrlVerification(asWebhook(url)), /does not repeat its challenge/, /Deploy again/);
  });
});

describe('a forged event', () => {
  beforeAll(begin);
  afterAll(end);

  test.each([
    ['because of its signature', undefined],
    ['because of its token, without an Encrypt Key', { encryptKeys: [] }],
  ])('is rejected %s', async (_, secrets) => {
    const { url } = await start(secrets && { FEISHU_ENCRYPT_KEY: '' });
    const webhook = asWebhook(url, secrets);
    const text = createSelfTest(SECRETS.FEISHU_VERIFICATION_TOKEN, 'cli_1');
    expect(await checkForgery(webhook, text)).toMatchObject({ verdict: 'ok' });
    expect(await countQueued()).toEqual({ waiting: 0, hidden: 0 });
  });

  test('is reported as a problem if it is accepted', async () => {
    const url = await startServer(async () => '{"msg":"success"}');
    const finding = await checkForgery(asWebhook(url), createSelfTest('', 'cli_1'));
    expect(finding).toMatchObject({ verdict: 'problem', text: expect.stringContaining('200') });
  });
});

describe('the test event', () => {
  // Each test has its own emulators, because an abandoned poll still receives a message from fauxqs.
  beforeEach(begin);
  afterEach(end);

  test('reaches the worker through the webhook, but no handler', async () => {
    const { url, handled } = await start();
    expect(await arrival(asWebhook(url))).toMatchObject({
      verdict: 'ok',
      text: expect.stringMatching(/^The worker processed a signed event sent to the webhook in/),
    });
    expect(handled).toEqual([]);
  });

  test('reaches the worker through the queue, without a webhook', async () => {
    await start();
    expect(await arrival(undefined)).toMatchObject({
      verdict: 'ok',
      text: expect.stringMatching(/^The worker processed an event sent to the queue in/),
    });
  });

  test('is reported with the error code if the webhook cannot queue it', async () => {
    const { url } = await start({ QUEUE_URL: `${emulators.queueUrl}-gone` });
    await expectProblem(
      arrival(asWebhook(url)),
      /503 FEISHU_QUEUE_UNAVAILABLE/,
      /error-codes\.md#feishu_queue_unavailable/,
    );
  });

  test('is reported if it stays in the queue', async () => {
    const { url } = await start({}, { isWorking: false });
    await expectProblem(lateArrival(asWebhook(url), isWaiting), /did not process/, /1 event waiting in the queue/);
  });

  test('is reported if the event source mapping is disabled', async () => {
    const { url } = await start({}, { isWorking: false });
    await expectProblem(
      lateArrival(asWebhook(url), isWaiting, { mappingState: 'Disabled' }),
      /did not process/,
      /is Disabled.*--enabled/,
    );
  });

  test('is reported if the worker fails', async () => {
    const onBatch = () => {
      throw new Error('the worker does not load');
    };
    const { url } = await start({}, { onBatch });
    const isHidden = async () => expect(await countQueued()).toEqual({ waiting: 0, hidden: 1 });
    await expectProblem(lateArrival(asWebhook(url), isHidden), /did not process/, /logs -f worker/);
  });

  test("is reported if the worker writes to another stack's table", async () => {
    const onBatch = vi.fn();
    const { url } = await start({}, { onBatch });
    const emptyTable = { send: async () => ({}) } as unknown as DynamoDBClient;
    const isGone = async () => {
      expect(onBatch).toHaveBeenCalled();
      expect(await countQueued()).toEqual({ waiting: 0, hidden: 0 });
    };
    const late = lateArrival(asWebhook(url), isGone, { dynamo: emptyTable });
    await expectProblem(late, /did not process/, /another stack/);
  });
});

async function begin(): Promise<void> {
  emulators = await startEmulators({ ordering: 'none', visibilityTimeoutSeconds: 3600 });
  process.env = { ...process.env, ...emulators.environment };
  dynamo = new DynamoDBClient();
}

async function end(): Promise<void> {
  dynamo.destroy();
  process.env = savedEnvironment;
  await emulators.stop();
}

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

/** Starts a webhook without encryption that responds after the given milliseconds of the test's clock. */
function slowWebhook(delays: number[]): Promise<DeployedWebhook> {
  const url = startServer(async (body) => {
    vi.advanceTimersByTime(delays.shift() ?? 0);
    return JSON.stringify({ challenge: JSON.parse(body).challenge });
  });
  return url.then((address) => asWebhook(address, { encryptKeys: [] }));
}

async function startServer(respond: (body: string) => Promise<string>): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks = await Array.fromAsync(request);
    response.end(await respond(Buffer.concat(chunks).toString()));
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

/** Sends an event, and advances the clock beyond the waiting time once `hasHappened` no longer throws. */
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
