import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { post } from '../../../lib/cli/post.ts';
import { openDeadLetterQueue } from '../../../lib/dead-letters/dead-letter-queue.ts';
import { checkArrival, createSelfTest } from '../../../lib/deploy/doctor/arrival.ts';
import { writeRequest } from '../../../lib/feishu/request.ts';
import { type Emulators, startEmulators } from '../../../lib/local/emulators/emulators.ts';
import { startEventSourceMapping } from '../../../lib/local/event-source-mapping.ts';
import { createGateway } from '../../../lib/local/gateway.ts';
import { startHttpServer } from '../../../lib/local/http-server.ts';
import type { ApiCall } from '../../../lib/mock-platform/mock-platform.ts';
import { createSample, textMessage } from '../../../lib/samples/samples.ts';
import { createFailureReasons } from '../../../lib/store/failure-reasons.ts';
import { WEBHOOK_PATH } from '../../../lib/webhook/path.ts';
import { createAcceptingPlatform } from '../../support/accepting-platform.ts';
import { createCertificate } from '../../support/certificate.ts';
import { toHttpEvent } from '../../support/http-events.ts';
import { wait } from '../../support/wait.ts';
import type { PackagedFunction } from './package.ts';
import { createPackagedFunctions, type PackagedFunctions, waitForLine } from './packaged-functions.ts';
import type { Runtime } from './runtime.ts';

// Runs the artifacts of `npx serverless package` under AWS's runtime client. Only the platform's side, the gateway and the
// event source mapping run from the project's sources.

const SECRETS = {
  FEISHU_APP_ID: 'cli_a1b2c3d4e5f6g7h8',
  FEISHU_APP_SECRET: 'secret of the app',
  FEISHU_ENCRYPT_KEY: 'key of the app',
  FEISHU_VERIFICATION_TOKEN: 'token of the app',
};
const token = SECRETS.FEISHU_VERIFICATION_TOKEN;

let emulators: Emulators;
let functions: PackagedFunctions;
let webhook: Runtime;
let worker: Runtime;
let url: string;
const calls: ApiCall[] = [];
const parts = new AsyncDisposableStack();

beforeAll(async () => {
  functions = await createPackagedFunctions(SECRETS);
  parts.defer(() => functions.remove());
  emulators = await startEmulators({
    ordering: 'none',
    visibilityTimeoutSeconds: 6 * functions.packaged.worker.timeoutSeconds,
  });
  parts.defer(() => emulators.stop());
  const mockPlatform = await startHttpServer(
    '127.0.0.1',
    0,
    createAcceptingPlatform((call) => calls.push(call)),
  );
  parts.defer(() => mockPlatform.stop());

  const start = async (name: 'webhook' | 'worker') => {
    const runtime = await functions.start(name, emulators, { FEISHU_DOMAIN: mockPlatform.origin });
    parts.defer(() => runtime.stop());
    return runtime;
  };
  webhook = await start('webhook');
  worker = await start('worker');
  const mapping = startEventSourceMapping({
    ...emulators,
    invoke: (event) => worker.invoke(event),
    onDelivery() {},
    onBatchFailure: (_, error) => console.error(error),
  });
  parts.defer(() => mapping.stop());
  const gateway = createGateway({ invokeWebhook: (event) => webhook.invoke(event), listEvents: () => [] });
  const server = await startHttpServer('127.0.0.1', 0, gateway);
  parts.defer(() => server.stop());
  url = `${server.origin}${WEBHOOK_PATH}`;
});

afterAll(() => parts.disposeAsync());

test('the artifacts contain only the bundles', async () => {
  expect(await filesOf(functions.packaged.webhook)).toEqual([
    '.build/set-aside.mjs',
    '.build/set-aside.mjs.map',
    '.build/webhook.mjs',
    '.build/webhook.mjs.map',
  ]);
  const worker = await filesOf(functions.packaged.worker);
  // The APIs of the official SDK, which are loaded on first use.
  const isApi = (file: string) => /^\.build\/node_modules\/@larksuiteoapi\/node-sdk\/services\/\w+\.js$/.test(file);
  expect(worker.filter((file) => !isApi(file))).toEqual([
    '.build/node_modules/@larksuiteoapi/node-sdk/index.js',
    '.build/worker.mjs',
    '.build/worker.mjs.map',
  ]);
  expect(worker.filter(isApi)).toContain('.build/node_modules/@larksuiteoapi/node-sdk/services/im.js');
});

test('the init phase of the worker connects to each service, fetches the token, shares it and writes no line', async () => {
  const connections: string[] = [];
  const requests: string[] = [];
  const listen = async (name: string) => {
    const server = createHttpServer(({ url: path = '' }, response) => {
      requests.push(`${name} ${path}`);
      response.setHeader('content-type', 'application/json').end('{"tenant_access_token":"t-1","expire":7200}');
    });
    server.on('connection', () => connections.push(name));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const sqs = await listen('SQS');
  const runtime = await functions.start('worker', emulators, {
    QUEUE_URL: `${sqs}/000000000000/events`,
    AWS_ENDPOINT_URL_SQS: sqs,
    AWS_ENDPOINT_URL_DYNAMODB: await listen('DynamoDB'),
    FEISHU_DOMAIN: await listen('platform'),
  });
  onTestFinished(() => runtime.stop());
  await runtime.initialized;
  await vi.waitFor(() => expect(connections.toSorted()).toEqual(['DynamoDB', 'SQS', 'platform']), wait);
  // Whether another environment has stored the token, and storing it.
  const expected = ['DynamoDB /', 'platform /open-apis/auth/v3/tenant_access_token/internal', 'DynamoDB /'];
  await vi.waitFor(() => expect(requests).toEqual(expected), wait);
  expect(runtime.lines).toEqual([]);
});

test('the init phase of the webhook opens one connection, sends nothing and writes nothing', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-tls-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const { key, certificate } = await createCertificate(folder);
  const messages: unknown[] = [];
  let connections = 0;
  const sqs = createServer(
    { key: await readFile(key), cert: await readFile(certificate) },
    async (request, response) => {
      const { MessageBody } = JSON.parse(Buffer.concat(await request.toArray()).toString());
      messages.push(MessageBody);
      const MD5OfMessageBody = createHash('md5').update(MessageBody).digest('hex');
      response.end(JSON.stringify({ MessageId: '1', MD5OfMessageBody }));
    },
  );
  sqs.on('connection', () => (connections += 1));
  await once(sqs.listen(0, '127.0.0.1'), 'listening');
  const origin = `https://127.0.0.1:${(sqs.address() as AddressInfo).port}`;
  const runtime = await functions.start('webhook', emulators, {
    QUEUE_URL: `${origin}/000000000000/events`,
    AWS_ENDPOINT_URL_SQS: origin,
    NODE_EXTRA_CA_CERTS: certificate,
  });
  onTestFinished(async () => {
    await runtime.stop();
    sqs.close();
  });
  await runtime.initialized;
  await vi.waitFor(() => expect(connections).toBe(1), wait);
  expect({ messages, lines: runtime.lines }).toEqual({ messages: [], lines: [] });
  for (const count of [1, 2]) {
    const text = createSample('im.message.receive_v1', { version: '2.0', token });
    const request = writeRequest(text, { encryptKey: SECRETS.FEISHU_ENCRYPT_KEY }, Date.now());
    expect(await runtime.invoke(toHttpEvent(request))).toMatchObject({ statusCode: 200 });
    expect(messages).toHaveLength(count);
    expect(messages.at(-1)).toBe(text);
  }
});

test('a URL verification succeeds without a queue message', async () => {
  const text = JSON.stringify({ challenge: 'abc', token, type: 'url_verification' });
  expect(await deliver(text)).toEqual({ status: 200, body: { challenge: 'abc' } });
  expect(await openDeadLetterQueue(emulators.sqs, emulators.queueUrl).count()).toMatchObject({ waiting: 0 });
});

test('a signed event is acknowledged and processed by its handler; a second delivery is a duplicate', async () => {
  const event = textMessage('你好 👋');
  const text = createSample('im.message.receive_v1', { version: '2.0', token, event });
  const { event_id } = JSON.parse(text).header;
  expect(await deliver(text)).toEqual({ status: 200, body: { msg: 'success' } });
  await waitForLog(worker, { message: 'handled', event_id });
  expect(await deliver(text)).toEqual({ status: 200, body: { msg: 'success' } });
  await waitForLog(worker, { message: 'duplicate', event_id });
  const replies = calls.filter(({ path: target }) => target.includes(event.message.message_id));
  expect(replies).toHaveLength(1);
  expect(JSON.parse(JSON.parse(replies[0]?.body ?? '').content)).toEqual({ text: '你好 👋' });
});

test('a v1.0 event reaches its handler', async () => {
  const text = createSample('out_approval', { version: '1.0', token });
  expect(await deliver(text)).toMatchObject({ status: 200 });
  await waitForLog(worker, { message: 'handled', event_id: JSON.parse(text).uuid });
});

test('a callback gets a response, and is queued as well', async () => {
  const text = createSample('card.action.trigger', { version: '2.0', token });
  expect(await deliver(text)).toMatchObject({ status: 200, body: { toast: { type: 'success' } } });
  await waitForLog(webhook, { message: 'accepted', event_id: JSON.parse(text).header.event_id });
});

test('a forged event is rejected', async () => {
  const text = createSample('im.message.receive_v1', { version: '2.0', token });
  const forged = writeRequest(text, { encryptKey: SECRETS.FEISHU_ENCRYPT_KEY }, Date.now());
  const headers = { ...forged.headers, 'x-lark-signature': 'ab'.repeat(32) };
  const { status, body } = await post(url, { ...forged, headers });
  expect({ status, ...JSON.parse(body) }).toMatchObject({ status: 401, code: 'FEISHU_SIGNATURE_WRONG' });
});

test('a message that is not an event ends in the dead-letter queue with a failure reason', async () => {
  const command = new SendMessageCommand({ QueueUrl: emulators.queueUrl, MessageBody: 'junk' });
  const { MessageId = '' } = await emulators.sqs.send(command);
  await waitForLog(worker, { message_id: MessageId, attempt: 5, level: 'ERROR' });
  const dynamo = dynamoClient();
  const reasons = createFailureReasons(dynamo, emulators.claimsTable);
  const readReason = async () => (await reasons.read([MessageId])).get(MessageId)?.reason;
  await vi.waitFor(async () => expect(await readReason()).toMatch(/^MalformedMessage: .*"source"/), wait);
  const queue = openDeadLetterQueue(emulators.sqs, emulators.deadLetterQueueUrl);
  await vi.waitFor(async () => expect(await queue.count()).toMatchObject({ waiting: 1 }), wait);
  dynamo.destroy();
});

test("the worker processes the doctor's event", async () => {
  const secrets = { encryptKeys: [SECRETS.FEISHU_ENCRYPT_KEY], verificationTokens: [token] };
  const dynamo = dynamoClient();
  const finding = await checkArrival(
    {
      ...emulators,
      dynamo,
      lambda: {} as LambdaClient,
      eventSourceMappingId: undefined,
      webhook: { url, secrets },
      waitMilliseconds: wait.timeout,
    },
    createSelfTest(token, SECRETS.FEISHU_APP_ID),
  );
  expect(finding).toMatchObject({ verdict: 'ok' });
  dynamo.destroy();
});

test('the functions log no secret', () => {
  const output = [...webhook.lines, ...worker.lines].join('\n');
  expect(output).toContain('accepted');
  for (const secret of Object.values(SECRETS).slice(1)) expect(output).not.toContain(secret);
});

async function deliver(text: string): Promise<{ status: number; body: unknown }> {
  const { status, body } = await post(url, writeRequest(text, { encryptKey: SECRETS.FEISHU_ENCRYPT_KEY }, Date.now()));
  return { status, body: JSON.parse(body) };
}

/** Waits for a log line with these fields. */
async function waitForLog(runtime: Runtime, fields: object): Promise<void> {
  // The runtime client writes the time and the request id before the output of `console.log`.
  await waitForLine(
    runtime,
    (line) => line.endsWith('}') && hasFields(JSON.parse(line.slice(line.indexOf('{'))), fields),
  );
}

function hasFields(line: Record<string, unknown>, fields: object): boolean {
  return Object.entries(fields).every(([name, value]) => line[name] === value);
}

async function filesOf({ taskRoot }: PackagedFunction): Promise<string[]> {
  const entries = await readdir(taskRoot, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => path.relative(taskRoot, path.join(entry.parentPath, entry.name))).sort();
}

function dynamoClient(): DynamoDBClient {
  return new DynamoDBClient({
    endpoint: emulators.environment.AWS_ENDPOINT_URL_DYNAMODB as string,
    region: emulators.environment.AWS_REGION as string,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
}
