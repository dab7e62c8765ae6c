import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { post } from '../../../lib/cli/post.ts';
import { openDeadLetterQueue } from '../../../lib/dead-letters/dead-letter-queue.ts';
import { checkArrival, createSelfTest } from '../../../lib/deploy/doctor/arrival.ts';
import { writeRequest } from '../../../lib/feishu/request.ts';
import { type Emulators, startEmulators } from '../../../lib/local/emulators/emulators.ts';
import { startEventSourceMapping } from '../../../lib/local/event-source-mapping.ts';
import { createGateway } from '../../../lib/local/gateway.ts';
import { startHttpServer } from '../../../lib/local/http-server.ts';
import { type ApiCall, createMockPlatform } from '../../../lib/local/mock-platform.ts';
import { createSample, textMessage } from '../../../lib/samples/samples.ts';
import { createFailureReasons } from '../../../lib/store/failure-reasons.ts';
import { WEBHOOK_PATH } from '../../../lib/webhook/path.ts';
import { type PackagedFunction, packageFunctions, resolveEnvironment } from './package.ts';
import { type Runtime, startRuntime } from './runtime.ts';
import { installRuntimeClient } from './runtime-client.ts';

// What `npx serverless package` made, unzipped, under AWS's own runtime client: no source of the project's runs here
// but the platform's side, the gateway and the event source mapping.

const SECRETS = {
  FEISHU_APP_ID: 'cli_a1b2c3d4e5f6g7h8',
  FEISHU_APP_SECRET: 'secret of the app',
  FEISHU_ENCRYPT_KEY: 'key of the app',
  FEISHU_VERIFICATION_TOKEN: 'token of the app',
};
const token = SECRETS.FEISHU_VERIFICATION_TOKEN;
const PATIENCE_MILLISECONDS = 600_000;

let emulators: Emulators;
let webhook: Runtime;
let worker: Runtime;
let packaged: Record<'webhook' | 'worker', PackagedFunction>;
let url: string;
const calls: ApiCall[] = [];
const parts = new AsyncDisposableStack();

beforeAll(async () => {
  const clientPath = await installRuntimeClient();
  const outdir = await mkdtemp(path.join(tmpdir(), 'feishu-events-package-'));
  parts.defer(() => rm(outdir, { recursive: true, force: true }));
  packaged = await packageFunctions(outdir, SECRETS);
  emulators = await startEmulators({ ordering: 'none', visibilityTimeoutSeconds: 6 * packaged.worker.timeoutSeconds });
  parts.defer(() => emulators.stop());
  const standIn = await startHttpServer(
    '127.0.0.1',
    0,
    createMockPlatform((call) => calls.push(call)),
  );
  parts.defer(() => standIn.stop());

  const start = async (definition: PackagedFunction) => {
    const resources = { EventsQueue: emulators.queueUrl, ClaimsTable: emulators.claimsTable };
    const runtime = await startRuntime({
      ...definition,
      clientPath,
      functionName: `feishu-events-dev-${definition.name}`,
      environment: {
        ...resolveEnvironment(definition.environment, resources, SECRETS),
        // In place of AWS and of the platform.
        ...emulators.environment,
        FEISHU_DOMAIN: standIn.origin,
      },
    });
    parts.defer(() => runtime.stop());
    return runtime;
  };
  webhook = await start(packaged.webhook);
  worker = await start(packaged.worker);
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

test('the artifacts hold the bundles, and nothing else of the project', async () => {
  expect(await filesOf(packaged.webhook)).toEqual([
    '.build/sqs-sender.mjs',
    '.build/sqs-sender.mjs.map',
    '.build/webhook.mjs',
    '.build/webhook.mjs.map',
  ]);
  expect(await filesOf(packaged.worker)).toEqual([
    '.build/node_modules/@larksuiteoapi/node-sdk/index.js',
    '.build/worker.mjs',
    '.build/worker.mjs.map',
  ]);
});

test('a URL verification is answered, without a message', async () => {
  const text = JSON.stringify({ challenge: 'abc', token, type: 'url_verification' });
  expect(await deliver(text)).toEqual({ status: 200, body: { challenge: 'abc' } });
  expect(await openDeadLetterQueue(emulators.sqs, emulators.queueUrl).count()).toMatchObject({ waiting: 0 });
});

test('a signed event is acknowledged and answered by the handler; delivered again, it is a duplicate', async () => {
  const event = textMessage('你好 👋');
  const text = createSample('im.message.receive_v1', { version: '2.0', token, event });
  const { event_id } = JSON.parse(text).header;
  expect(await deliver(text)).toEqual({ status: 200, body: { msg: 'success' } });
  await workerWrote({ message: 'handled', event_id });
  expect(await deliver(text)).toEqual({ status: 200, body: { msg: 'success' } });
  await workerWrote({ message: 'duplicate', event_id });
  const replies = calls.filter(({ path: target }) => target.includes(event.message.message_id));
  expect(replies).toHaveLength(1);
  expect(JSON.parse(JSON.parse(replies[0]?.body ?? '').content)).toEqual({ text: '你好 👋' });
});

test('a v1.0 event reaches its handler', async () => {
  const text = createSample('out_approval', { version: '1.0', token });
  expect(await deliver(text)).toMatchObject({ status: 200 });
  await workerWrote({ message: 'handled', event_id: JSON.parse(text).uuid });
});

test('a callback is answered, and queued as well', async () => {
  const text = createSample('card.action.trigger', { version: '2.0', token });
  expect(await deliver(text)).toMatchObject({ status: 200, body: { toast: { type: 'success' } } });
  await webhookWrote({ message: 'accepted', event_id: JSON.parse(text).header.event_id });
});

test('a forged event is refused', async () => {
  const text = createSample('im.message.receive_v1', { version: '2.0', token });
  const forged = writeRequest(text, { encryptKey: SECRETS.FEISHU_ENCRYPT_KEY }, Date.now());
  const headers = { ...forged.headers, 'x-lark-signature': 'ab'.repeat(32) };
  const { status, body } = await post(url, { ...forged, headers });
  expect({ status, ...JSON.parse(body) }).toMatchObject({ status: 401, code: 'FEISHU_SIGNATURE_WRONG' });
});

test('a message that is no event ends in the dead-letter queue, with its reason noted', async () => {
  const command = new SendMessageCommand({ QueueUrl: emulators.queueUrl, MessageBody: 'junk' });
  const { MessageId = '' } = await emulators.sqs.send(command);
  await workerWrote({ message_id: MessageId, attempt: 5, level: 'ERROR' });
  const dynamo = dynamoClient();
  const notes = createFailureReasons(dynamo, emulators.claimsTable);
  await until(async () => (await notes.read([MessageId])).has(MessageId));
  const note = (await notes.read([MessageId])).get(MessageId);
  expect(note?.reason).toMatch(/^MalformedMessage: .*something else wrote to this queue/);
  const queue = openDeadLetterQueue(emulators.sqs, emulators.deadLetterQueueUrl);
  await until(async () => (await queue.count()).waiting === 1);
  dynamo.destroy();
});

test("the doctor's event goes all the way", async () => {
  const secrets = { encryptKeys: [SECRETS.FEISHU_ENCRYPT_KEY], verificationTokens: [token] };
  const dynamo = dynamoClient();
  const finding = await checkArrival(
    {
      ...emulators,
      dynamo,
      lambda: {} as LambdaClient,
      eventSourceMappingId: undefined,
      webhook: { url, secrets },
      waitMilliseconds: PATIENCE_MILLISECONDS,
    },
    createSelfTest(token, SECRETS.FEISHU_APP_ID),
  );
  expect(finding).toMatchObject({ verdict: 'ok' });
  dynamo.destroy();
});

test('no secret is in a line that the functions wrote', () => {
  const written = [...webhook.lines, ...worker.lines].join('\n');
  expect(written).toContain('accepted');
  for (const secret of Object.values(SECRETS).slice(1)) expect(written).not.toContain(secret);
});

async function deliver(text: string): Promise<{ status: number; body: unknown }> {
  const { status, body } = await post(url, writeRequest(text, { encryptKey: SECRETS.FEISHU_ENCRYPT_KEY }, Date.now()));
  return { status, body: JSON.parse(body) };
}

const workerWrote = (fields: object) => wrote(worker, fields);
const webhookWrote = (fields: object) => wrote(webhook, fields);

/** Waits for a line of the log with these fields. */
async function wrote({ lines }: Runtime, fields: object): Promise<void> {
  // The runtime puts the time and the request before what `console.log` writes.
  const isWritten = () =>
    lines.some((line) => line.endsWith('}') && hasFields(JSON.parse(line.slice(line.indexOf('{'))), fields));
  await until(async () => isWritten()).catch(() => {
    throw new Error(`No line has ${JSON.stringify(fields)}:\n${lines.join('\n')}`);
  });
}

function hasFields(line: Record<string, unknown>, fields: object): boolean {
  return Object.entries(fields).every(([name, value]) => line[name] === value);
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const started = Date.now();
  while (!(await isTrue())) {
    if (Date.now() - started > PATIENCE_MILLISECONDS) throw new Error('It did not happen');
    await sleep(50);
  }
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
