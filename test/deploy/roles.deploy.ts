import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { GetQueueUrlCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { post } from '../../lib/cli/post.ts';
import { openSqs } from '../../lib/deploy/aws-clients.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import { type LargeEvents, openLargeEvents } from '../../lib/queue/large-events.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { wait } from '../support/wait.ts';
import { type Ministack, startMinistack } from './support/ministack.ts';
import { createProject, type Project } from './support/project.ts';
import { addReportingHandler, type ReportingHandler } from './support/reporting-handler.ts';
import { findRole, type Role } from './support/role.ts';
import { SECRETS } from './support/secrets.ts';

// Proves each permission in deploy/roles.yml necessary: the emulator checks the functions' requests, and without the
// permission, one fails. connection.deploy.ts does so for the roles of the long connection's task.

let ministack: Ministack;
let project: Project;
let handler: ReportingHandler;
let url: string;
let sqs: SQSClient;
let queueUrl: string;
let largeEvents: LargeEvents;
let webhookRole: Role;
let workerRole: Role;

beforeAll(async () => {
  ministack = await startMinistack();
  project = await createProject(ministack.environment);
  handler = await addReportingHandler(project);
  await writeFile(path.join(project.folder, `functions/handlers/v2/${STATE_TYPE}.ts`), STATE_HANDLER);
  await project.writeEnvironment(SECRETS);
  const { code, output } = await project.serverless('deploy');
  expect(code, output).toBe(0);
  url = /endpoint: POST - (\S+)/.exec(output)?.[1] as string;
  sqs = openSqs(ministack.sdkConfiguration);
  queueUrl = (await sqs.send(new GetQueueUrlCommand({ QueueName: 'feishu-events-dev-events' }))).QueueUrl as string;
  const { Buckets } = await ministack.aws('s3api', 'list-buckets');
  const { Name } = Buckets.find(({ Name }: { Name: string }) => Name.includes('largeevents'));
  largeEvents = openLargeEvents(Name, sqs.config, ministack.endpoint);
  [webhookRole, workerRole] = [await findRole(ministack, 'WebhookRole'), await findRole(ministack, 'WorkerRole')];
});
afterAll(async () => {
  await ministack.stop();
  await handler.stop();
  await project.remove();
});

const STATE_TYPE = 'im.chat.updated_v1';
/** Needs every permission for the table of states. */
const STATE_HANDLER = `import { onEvent } from '#feishu-events';
import { chatState } from '#feishu-events/state';
export default onEvent('${STATE_TYPE}', async (event, context) => {
  const state = chatState(event, context, { chatId: 'oc_1' });
  await state.get();
  await state.set('a state');
  await state.delete();
});
`;

const createEvent = (text: string) => handler.event(text, SECRETS.FEISHU_VERIFICATION_TOKEN);

/** Posts a signed text to the webhook, and returns the response. */
const postText = (text: string) => {
  const { FEISHU_ENCRYPT_KEY: encryptKey } = SECRETS;
  return post(url, writeRequest(text, { encryptKey }, Date.now()));
};
const postEvent = () => postText(createEvent('posted'));
const postUnknownEnvelope = () => postText('{"schema":"3.0"}');
/** The handler does not receive it: it has no module for this type. */
const postLargeEvent = () => {
  const header = { event_id: 'large', event_type: 'a.large_v1', token: SECRETS.FEISHU_VERIFICATION_TOKEN };
  const event = { noise: randomBytes(1_200_000).toString('base64') };
  return postText(JSON.stringify({ schema: '2.0', header, event }));
};

/** Queues an event as the webhook or a redrive does, and returns the message id. */
async function queueEvent(text: string, redriveOf?: string, storedKey?: string): Promise<string> {
  const attribute = (StringValue: string) => ({ DataType: 'String', StringValue });
  const { MessageId = '' } = await sqs.send(
    new SendMessageCommand({
      QueueUrl: queueUrl,
      MessageBody: storedKey ?? createEvent(text),
      MessageAttributes: {
        source: attribute('webhook'),
        receivedAt: attribute(new Date().toISOString()),
        ...(redriveOf !== undefined && { redriveOf: attribute(redriveOf) }),
        ...(storedKey !== undefined && { encoding: attribute('s3') }),
      },
    }),
  );
  return MessageId;
}

/** Queues an event that is stored in S3. */
async function queueStoredEvent(text: string): Promise<string> {
  const key = `events/${encodeURIComponent(text).replaceAll('%', '-')}.json.gz`;
  await largeEvents.write(key, gzipSync(createEvent(text)), AbortSignal.timeout(60_000));
  return queueEvent(text, undefined, key);
}

/** Queues an event that fails once. */
function queueFailingEvent(text: string): Promise<string> {
  handler.failingOnce.add(text);
  return queueEvent(text);
}

/** Reads the worker's log lines. */
async function readLog(): Promise<Record<string, unknown>[]> {
  const { events } = await ministack.aws('logs', 'filter-log-events', '--log-group-name', WORKER_LOG);
  return events
    .filter(({ message }: { message: string }) => message.startsWith('{'))
    .map(({ message }: { message: string }) => JSON.parse(message));
}

const WORKER_LOG = '/aws/lambda/feishu-events-dev-worker';
const FAILED = 'The event failed and will be retried';

/** For each action of the worker's code: an event that needs it, and the log line without the permission. */
const WORKER_ACTIONS: Record<string, { queue: (text: string) => Promise<string>; message: string }> = {
  'dynamodb:PutItem': { queue: queueEvent, message: FAILED },
  'dynamodb:UpdateItem': { queue: queueEvent, message: FAILED },
  // The second copy of a dead letter.
  'dynamodb:GetItem': { queue: (text) => queueEvent(text, 'dead-letter'), message: FAILED },
  'dynamodb:BatchGetItem': {
    queue: queueFailingEvent,
    message: 'Earlier outcomes could not be read. These events run one at a time',
  },
  's3:GetObject': { queue: queueStoredEvent, message: FAILED },
  'sqs:ChangeMessageVisibility': { queue: queueFailingEvent, message: 'The message could not be postponed' },
};
const STATE_ACTIONS = ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem'];
/** Lambda itself uses these, which the emulator does not check: it only evaluates the policy. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions */
const POLLER_ACTIONS = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];
/** https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html */
const LOG_ACTIONS = ['logs:CreateLogStream', 'logs:PutLogEvents'];

const logStreamOf = (name: string) => (stage: string) =>
  `arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/feishu-events-${stage}-${name}:log-stream:one`;
const queueOf = (stage: string) => `arn:aws:sqs:us-east-1:000000000000:feishu-events-${stage}-events`;

test("the functions' roles have no permissions but those that are proven necessary here", () => {
  expect(webhookRole.actions.toSorted()).toEqual([
    ...LOG_ACTIONS,
    's3:PutObject',
    'sqs:SendMessage',
    'sqs:SendMessage',
  ]);
  expect(workerRole.actions.toSorted()).toEqual(
    [...Object.keys(WORKER_ACTIONS), ...STATE_ACTIONS, ...LOG_ACTIONS, ...POLLER_ACTIONS].toSorted(),
  );
});

test.each([
  ['the events queue', 'dev-events', postEvent, 'AccessDenied'],
  ['the dead-letter queue, for an unknown envelope', 'dev-dead', postUnknownEnvelope, 'AccessDenied'],
  ['the bucket, for a large event', 'largeevents', postLargeEvent, 'S3Error'],
])('the webhook needs its permission for %s', async (_, resource, postOne, reason) => {
  // A busy machine may be too slow to store an event in time, which also results in 503.
  await expect.poll(postOne, wait).toMatchObject({ status: 200 });
  await webhookRole.withoutResource(resource);
  const denied = { status: 503, body: expect.stringContaining(reason) };
  await expect.poll(postOne, wait).toMatchObject(denied);
  await webhookRole.restore();
});

describe('the worker', () => {
  test('is denied nothing', async () => {
    const ids = [await queueEvent('first copy', 'dead-letter')];
    for (const [action, { queue }] of Object.entries(WORKER_ACTIONS)) ids.push(await queue(`with ${action}`));
    const processed = async () => {
      const lines = (await readLog()).filter(({ message }) => message === 'handled' || message === 'duplicate');
      return lines.map(({ message_id }) => message_id);
    };
    await expect.poll(processed, wait).toEqual(expect.arrayContaining(ids));
    expect(JSON.stringify(await readLog())).not.toMatch(/AccessDenied|not authorized/);
  });

  test.each(Object.entries(WORKER_ACTIONS))('needs %s', async (action, { queue, message }) => {
    await workerRole.without(action);
    const id = await queue(`without ${action}`);
    const findLine = async () => {
      const lines = (await readLog()).map((line) => JSON.stringify(line));
      return lines.find((line) => line.includes(message) && /AccessDenied/.test(line) && hasId(line, id, action));
    };
    await expect.poll(findLine, wait).toBeDefined();
  });

  test.each([
    ['for the table of states', () => workerRole.withoutResource('StateTable')],
    ['to delete a state', () => workerRole.without('dynamodb:DeleteItem')],
  ])('needs its permission %s', async (_, forbid) => {
    await workerRole.restore();
    const postState = () =>
      postText(createSample(STATE_TYPE, { version: '2.0', token: SECRETS.FEISHU_VERIFICATION_TOKEN }));
    const countOf = async (pattern: RegExp) =>
      (await readLog()).filter((line) => pattern.test(JSON.stringify(line)) && line.event_type === STATE_TYPE).length;
    const handled = await countOf(/"message":"handled"/);
    await expect.poll(postState, wait).toMatchObject({ status: 200 });
    await expect.poll(() => countOf(/"message":"handled"/), wait).toBeGreaterThan(handled);
    const denied = await countOf(/AccessDenied/);
    await forbid();
    await expect.poll(postState, wait).toMatchObject({ status: 200 });
    await expect.poll(() => countOf(/AccessDenied/), wait).toBeGreaterThan(denied);
    await workerRole.restore();
  });

  /** The line about a batch names no message. */
  const hasId = (line: string, id: string, action: string) => action === 'dynamodb:BatchGetItem' || line.includes(id);
});

describe.each([
  ['webhook', 'write its log', () => webhookRole, LOG_ACTIONS, logStreamOf('webhook')],
  ['worker', 'write its log', () => workerRole, LOG_ACTIONS, logStreamOf('worker')],
  ['worker', 'poll its queue', () => workerRole, POLLER_ACTIONS, queueOf],
] as const)('for the %s, Lambda', (_, purpose, role, actions, resourceOf) => {
  test(`needs ${actions.join(', ')} to ${purpose}`, async () => {
    await role().restore();
    expect(await role().simulate(actions, resourceOf('dev'))).toEqual(actions);
    expect(await role().simulate(actions, resourceOf('prod'))).toEqual([]);
    await role().without(...actions);
    expect(await role().simulate(actions, resourceOf('dev'))).toEqual([]);
  });
});

test('the queues deny requests without TLS', async () => {
  const insecure = openSqs(ministack.sdkConfiguration);
  insecure.middlewareStack.add(
    (next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers['x-forwarded-proto'] = 'http';
      return next(args);
    },
    { step: 'build' },
  );
  const send = (client: SQSClient) => client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: 'text' }));
  await expect(send(insecure)).rejects.toMatchObject({ name: 'AccessDenied' });
  await send(sqs);
});
