import { randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AttributeValue, DeleteItemCommand, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readDeadLetter } from '../../lib/dead-letters/dead-letter.ts';
import { type DeadLetterQueue, openDeadLetterQueue } from '../../lib/dead-letters/dead-letter-queue.ts';
import { type RedriveParts, redrive } from '../../lib/dead-letters/redrive.ts';
import { createDeadLetterCommands, type DeadLetterCommands } from '../../lib/deploy/dlq/command.ts';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { onUnhandledEvent } from '../../lib/handler.ts';
import { createQueue } from '../../lib/intake/event-queue.ts';
import { type Emulators, startEmulators } from '../../lib/local/emulators/emulators.ts';
import { encodeMessage, escapeForSqs } from '../../lib/queue/message.ts';
import { toSqsRecord } from '../../lib/queue/sqs-record.ts';
import { createRedrives } from '../../lib/store/redrives.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { modulesOf } from '../support/handler-modules.ts';
import { expectContentShown } from '../support/written-output.ts';

// Uses SQS (fauxqs) and DynamoDB (dynalite). The worker creates the dead letters.

let emulators: Emulators;
let dynamo: DynamoDBClient;
let savedEnvironment: NodeJS.ProcessEnv;
/** The worker's handler. */
let handle: (event: object) => unknown;

const startWith = (ordering: 'none' | 'conversation') => startEmulators({ ordering, visibilityTimeoutSeconds: 3600 });

let standard: Emulators;
beforeAll(async () => {
  standard = await startWith('none');
});
afterAll(() => standard.stop());

beforeEach(() => {
  use(standard);
  handle = () => {
    throw new TypeError('the approval has no number');
  };
});
afterEach(async () => {
  dynamo.destroy();
  process.env = savedEnvironment;
  await empty(standard);
});

/** Points the worker and the commands at emulators. */
function use(chosen: Emulators): void {
  emulators = chosen;
  savedEnvironment = process.env;
  process.env = { ...process.env, ...emulators.environment };
  dynamo = new DynamoDBClient();
}

/** Deletes all messages and items, for the next test. */
async function empty({ sqs, queueUrl, deadLetterQueueUrl, dynamo, claimsTable: TableName }: Emulators): Promise<void> {
  for (const QueueUrl of [queueUrl, deadLetterQueueUrl]) await sqs.send(new PurgeQueueCommand({ QueueUrl }));
  const { Items = [] } = await dynamo.send(new ScanCommand({ TableName }));
  for (const { id } of Items as { id: AttributeValue }[]) {
    await dynamo.send(new DeleteItemCommand({ TableName, Key: { id } }));
  }
}

describe('A dead letter', () => {
  test('is listed with its type, event, attempts and failure reason', async () => {
    const [id] = await makeDead(['contact.user.created_v3']);
    const { lines } = await run(({ list }) => list({}));
    const line = lines.find((one) => one.startsWith(id as string));
    expect(line).toMatch(/contact\.user\.created_v3 {2}event-0 {2}\d+ s {2}5 +TypeError: the approval has no number$/);
  });

  test('is counted with others of the same type and reason', async () => {
    await makeDead(['a.one_v1', 'a.one_v1', 'a.two_v1']);
    const { lines } = await run(({ list }) => list({}));
    expect(lines.slice(0, 3).map((line) => line.split(/ {2,}/).slice(0, 2))).toEqual([
      ['count', 'type'],
      ['2', 'a.one_v1'],
      ['1', 'a.two_v1'],
    ]);
  });

  test('stays in the queue and visible after it was listed', async () => {
    await makeDead(['a.one_v1', 'a.two_v1']);
    await run(({ list }) => list({ type: 'a.one_v1', maximum: 1 }));
    expect(await counts(emulators.deadLetterQueueUrl)).toEqual({ visible: 2, hidden: 0 });
  });

  test('that is not an event and has no failure reason is listed as such', async () => {
    await emulators.sqs.send(new SendMessageCommand({ QueueUrl: emulators.deadLetterQueueUrl, MessageBody: 'junk' }));
    const { lines } = await run(({ list }) => list({ type: 'unreadable' }));
    expect(lines.at(-1)).toMatch(/^[\w-]{36} {2}unreadable .* unknown: the worker ended/);
  });

  test('is shown with its decrypted event, which is announced', async () => {
    const [, id] = await makeDead(['a.one_v1', 'a.two_v1']);
    const { lines } = await run(({ show }) => show(id as string));
    const text = lines.join('\n');
    expect(text).toMatch(/reason +TypeError: the approval has no number/);
    expect(text).toContain('The decrypted event');
    // Above 2^53, where JSON.parse would round.
    expect(text).toContain('"number": 9007199254740993');
    expect(await counts(emulators.deadLetterQueueUrl)).toEqual({ visible: 2, hidden: 0 });
  });

  test('that does not exist is an error with advice', async () => {
    await expect(run(({ show }) => show(randomUUID()))).rejects.toThrow(/dlq list/);
  });

  test('does not block its batch if DynamoDB never responds', async () => {
    await using silent = await startSilentServer();
    process.env.AWS_ENDPOINT_URL_DYNAMODB = silent.url;
    await emulators.sqs.send(new SendMessageCommand({ QueueUrl: emulators.queueUrl, MessageBody: 'junk' }));
    // The second delivery reads the number of attempts.
    await workUntilQuiet(2);
    expect(silent.connections()).toBeGreaterThan(0);
    expect(await counts(emulators.queueUrl)).toEqual({ visible: 1, hidden: 0 });
  });
});

describe('redrive', () => {
  test('sends the unchanged event to its handler again, and empties the dead-letter queue', async () => {
    await makeDead(['a.one_v1']);
    const seen: object[] = [];
    handle = (event) => seen.push(event);
    const { lines } = await run(({ redrive }) => redrive({}));
    expect(lines).toEqual(['1 moved back to the events queue.']);
    await workUntilQuiet();
    expect(seen).toEqual([expect.objectContaining({ index: 0, text: '你好 👋' })]);
    expect(await counts(emulators.deadLetterQueueUrl)).toEqual({ visible: 0, hidden: 0 });
  });

  test('moves only the given type and number, and leaves the rest visible', async () => {
    await makeDead(['a.one_v1', 'a.two_v1', 'a.two_v1', 'a.two_v1']);
    await run(({ redrive }) => redrive({ type: 'a.two_v1', maximum: 2 }));
    const types = (await receiveAll(emulators.queueUrl)).map(({ Body = '' }) => JSON.parse(Body).header.event_type);
    expect(types).toEqual(['a.two_v1', 'a.two_v1']);
    expect(await counts(emulators.deadLetterQueueUrl)).toEqual({ visible: 2, hidden: 0 });
  });

  test('moves more than one batch', async () => {
    await makeDead(Array.from({ length: 12 }, () => 'a.one_v1'));
    await run(({ redrive }) => redrive({}));
    expect(await counts(emulators.queueUrl)).toEqual({ visible: 12, hidden: 0 });
  });

  test('adds to the attempts of an event that is dead-lettered again', async () => {
    await makeDead(['a.one_v1']);
    await run(({ redrive }) => redrive({}));
    await workUntilQuiet();
    const { lines } = await run(({ list }) => list({}));
    expect(lines.at(-1)).toMatch(/event-0 {2}\d+ s {2}10 +TypeError/);
  });

  test('ends, although each moved letter returns at once', async () => {
    const [id] = await makeDead(['a.one_v1']);
    const result = await redrive(
      { ...redriveParts(), sqs: sendingTo(emulators.deadLetterQueueUrl) },
      {},
      new AbortController().signal,
      () => {},
    );
    expect(result).toMatchObject({ moved: 1, failures: [] });
    const [back] = await receiveAll(emulators.deadLetterQueueUrl);
    expect(back?.MessageAttributes?.redriveOf?.StringValue).toBe(id);
  });

  test('leaves the letter if it is interrupted before sending', async () => {
    await makeDead(['a.one_v1']);
    const sqs = failing('SendMessageCommand');
    const result = await redrive({ ...redriveParts(), sqs }, {}, new AbortController().signal, () => {});
    expect(result).toMatchObject({ moved: 0, failures: [expect.anything()] });
    expect(await counts(emulators.deadLetterQueueUrl)).toEqual({ visible: 1, hidden: 0 });
    expect(await counts(emulators.queueUrl)).toEqual({ visible: 0, hidden: 0 });
  });

  test('sends no second copy after an interruption before deleting', async () => {
    await makeDead(['a.one_v1']);
    const queue = openDeadLetterQueue(failing('DeleteMessageCommand'), emulators.deadLetterQueueUrl);
    await redrive({ ...redriveParts(), queue }, {}, new AbortController().signal, () => {});
    expect(await counts(emulators.deadLetterQueueUrl)).toEqual({ visible: 1, hidden: 0 });
    const { lines } = await run(({ redrive }) => redrive({}));
    expect(lines).toEqual(['0 moved back to the events queue.', '1 already moved by an interrupted run, now deleted.']);
    expect(await counts(emulators.queueUrl)).toEqual({ visible: 1, hidden: 0 });
    expect(await counts(emulators.deadLetterQueueUrl)).toEqual({ visible: 0, hidden: 0 });
  });

  test('sends a copy that the worker ignores after an interruption between sending and recording', async () => {
    await makeDead(['a.one_v1']);
    const parts = redriveParts();
    const redrives = { ...parts.redrives, recordSuccessor: () => Promise.reject(new Error('the process was killed')) };
    await redrive({ ...parts, redrives }, {}, new AbortController().signal, () => {});
    await run(({ redrive }) => redrive({}));
    expect(await counts(emulators.queueUrl)).toEqual({ visible: 2, hidden: 0 });
    const seen: object[] = [];
    // Throws, so that no completed idempotency record suppresses the copy, as after 72 hours, when it has expired.
    handle = (event) => {
      seen.push(event);
      throw new Error('still no number');
    };
    await workUntilQuiet();
    expect(seen).toHaveLength(5);
    expect(await counts(emulators.deadLetterQueueUrl)).toEqual({ visible: 1, hidden: 0 });
  });

  test('ends after the current batch when aborted, and leaves the rest visible', async () => {
    await makeDead(Array.from({ length: 12 }, () => 'a.one_v1'));
    const interruption = new AbortController();
    const result = await redrive(redriveParts(), {}, interruption.signal, () => interruption.abort());
    expect(result.moved).toBe(10);
    expect(await counts(emulators.deadLetterQueueUrl)).toEqual({ visible: 2, hidden: 0 });
  });
});

describe('redrive on a FIFO queue', () => {
  beforeEach(async () => {
    dynamo.destroy();
    process.env = savedEnvironment;
    use(await startWith('conversation'));
  });
  afterEach(() => emulators.stop());

  test('keeps the order of a conversation, without deduplicating its events', async () => {
    await makeDead(Array.from({ length: 12 }, () => 'a.one_v1'));
    const { lines } = await run(({ redrive }) => redrive({}));
    expect(lines).toEqual(['12 moved back to the events queue.']);
    const seen: number[] = [];
    handle = (event) => seen.push((event as { index: number }).index);
    await workUntilQuiet();
    expect(seen).toEqual(Array.from({ length: 12 }, (_, index) => index));
  });

  // SQS returns several letters of a conversation at once; fauxqs returns one.
  test('sends the letters of a conversation one after the other', async () => {
    const sent: string[] = [];
    await redriveBatch(['a 1', 'b 1', 'a 2'], async (body) => {
      if (body === 'a 1') await sleep(50);
      sent.push(body);
    });
    expect(sent.filter((body) => body.startsWith('a'))).toEqual(['a 1', 'a 2']);
  });

  test('leaves the letters behind one that could not be moved, and moves other conversations', async () => {
    const sent: string[] = [];
    const { released, result } = await redriveBatch(['a 1', 'a 2', 'b 1'], async (body) => {
      if (body === 'a 1') throw new Error('SQS is throttling');
      sent.push(body);
    });
    expect(sent).toEqual(['b 1']);
    expect(released).toEqual(['a 1', 'a 2']);
    expect(result).toMatchObject({ moved: 1, failures: [expect.anything()] });
  });
});

describe('drop', () => {
  test('deletes the selected letters if confirmed', async () => {
    await makeDead(['a.one_v1', 'a.two_v1', 'a.two_v1']);
    const { lines } = await run(({ drop }) => drop({ type: 'a.two_v1' }, true));
    expect(lines.at(-1)).toBe('2 deleted.');
    expect(await counts(emulators.deadLetterQueueUrl)).toEqual({ visible: 1, hidden: 0 });
  });

  test('deletes nothing without a terminal and without --yes', async () => {
    await makeDead(['a.one_v1']);
    await expect(run(({ drop }) => drop({}, false))).rejects.toThrow(/--yes/);
    expect(await counts(emulators.deadLetterQueueUrl)).toEqual({ visible: 1, hidden: 0 });
  });

  test.each([
    ['yes', 0],
    ['no', 1],
    ['', 1],
  ])('after the reply "%s" leaves %i', async (reply, remaining) => {
    await makeDead(['a.one_v1']);
    await run(({ drop }) => drop({}, false), `${reply}\n`);
    expect(await counts(emulators.deadLetterQueueUrl)).toEqual({ visible: remaining, hidden: 0 });
  });
});

describe('A dead letter whose event is in S3', () => {
  const text = (name: string) =>
    `{"schema":"2.0","header":{"event_id":"${name}","event_type":"a.large_v1"},"event":{"noise":"${noise}"}}`;
  const noise = randomBytes(1_200_000).toString('base64');

  /** @returns the message id */
  async function makeLargeDead(name: string): Promise<string> {
    const envelope = parseEnvelope(text(name)) as EventEnvelope;
    const event = { text: text(name), source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
    const environment = { LARGE_EVENTS_BUCKET: emulators.largeEventsBucket };
    const queue = createQueue(emulators.queueUrl, environment);
    const id = await queue.send(envelope, event, new AbortController().signal);
    await workUntilQuiet();
    return id;
  }

  test('is listed, shown, and redriven with its event', async () => {
    expectContentShown();
    const id = await makeLargeDead('redriven');
    const { lines: listed } = await run(({ list }) => list({ type: 'a.large_v1' }));
    expect(listed.at(-1)).toMatch(new RegExp(`^${id} +a.large_v1 +redriven .*TypeError`));
    const { lines: shown } = await run(({ show }) => show(id));
    expect(shown.join('\n').includes(noise)).toBe(true);

    const handled: object[] = [];
    handle = (event) => handled.push(event);
    const { lines } = await run((commands) => commands.redrive({}));
    expect(lines).toContain('1 moved back to the events queue.');
    await workUntilQuiet();
    expect(handled).toHaveLength(1);
    expect((handled[0] as { noise: string }).noise === noise).toBe(true);
    expect(await counts(emulators.deadLetterQueueUrl)).toEqual({ visible: 0, hidden: 0 });
  });

  test('whose object is missing has that as its failure reason, and stays when it is redriven', async () => {
    const record = async (id: string) => {
      const { lines } = await run(({ list }) => list({}));
      return lines.find((line) => line.startsWith(id));
    };
    const messages = await sendPointer('events/missing.json.gz');
    await workUntilQuiet();
    expect(await record(messages)).toMatch(
      / unreadable .*StoredEventUnavailable: The event is stored in S3, but could not be read: S3 responded with 404 NoSuchKey/,
    );
    await expect(run((commands) => commands.redrive({}))).rejects.toThrow(/1 could not be moved.*404 NoSuchKey/);
    expect(await counts(emulators.deadLetterQueueUrl)).toEqual({ visible: 1, hidden: 0 });
    const { lines } = await run(({ show }) => show(messages));
    expect(lines.at(-1)).toMatch(/does not contain a readable event/);
  });

  /** @returns the message id */
  async function sendPointer(key: string): Promise<string> {
    const event = { text: text('missing'), source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
    const envelope = parseEnvelope(event.text) as EventEnvelope;
    const message = encodeMessage(emulators.queueUrl, envelope, event, { body: key, encoding: 's3' });
    return (await emulators.sqs.send(new SendMessageCommand(message))).MessageId as string;
  }
});

describe.each(['none', 'conversation'] as const)('An unreadable event, with ordering=%s,', (ordering) => {
  let chosen: Emulators;
  beforeAll(async () => {
    chosen = await startWith(ordering);
  });
  afterAll(() => chosen.stop());
  beforeEach(() => use(chosen));

  test('is listed with its reason and no attempts, shown, and returns with the reason of the worker', async () => {
    expectContentShown();
    const event = { text: '{"schema":"3.0","future":"event"}', source: 'webhook', receivedAt: new Date() } as const;
    const unreadable = { ...event, requestId: undefined, reason: 'FEISHU_ENVELOPE_UNKNOWN: a new format' };
    const queue = createQueue(emulators.deadLetterQueueUrl, {});
    const id = await queue.send(undefined, unreadable, new AbortController().signal);

    const { lines: listed } = await run(({ list }) => list({ type: 'unreadable' }));
    expect(listed.at(-1)).toMatch(
      new RegExp(`^${id} +unreadable +- +\\d+ s +0 +FEISHU_ENVELOPE_UNKNOWN: a new format$`),
    );
    const { lines: shown } = await run(({ show }) => show(id));
    expect(shown.join('\n')).toMatch(
      /attempts +0\n.*reason +FEISHU_ENVELOPE_UNKNOWN: a new format\n.*"future": "event"/s,
    );

    await run((commands) => commands.redrive({}));
    await workUntilQuiet();
    const { lines: again } = await run(({ list }) => list({}));
    expect(again.at(-1)).toMatch(/ unreadable .* 5 +MalformedMessage: The body is not a known kind of event/);
  });
});

/** Sends events of these types, and runs the failing worker until they are dead letters. @returns their message ids */
async function makeDead(types: readonly string[]): Promise<string[]> {
  const ids = [];
  for (const [index, type] of types.entries()) {
    const event = `{"index":${index},"chat_id":"oc_1","number":9007199254740993,"text":"你好 👋"}`;
    const text = `{"schema":"2.0","header":{"event_id":"event-${index}","event_type":"${type}","app_id":"cli_1"},"event":${event}}`;
    const envelope = parseEnvelope(text);
    if (envelope.kind === 'url-verification') throw new TypeError('not an event');
    const queued = { text: escapeForSqs(text), source: 'webhook', receivedAt: new Date(), requestId: 'r-1' } as const;
    const sent = await emulators.sqs.send(new SendMessageCommand(encodeMessage(emulators.queueUrl, envelope, queued)));
    ids.push(sent.MessageId as string);
  }
  await workUntilQuiet();
  return ids;
}

/** Emulates the event source mapping, without the delays of retries. */
async function workUntilQuiet(maximumBatches = Infinity): Promise<void> {
  const environment = {
    ...process.env,
    QUEUE_URL: emulators.queueUrl,
    CLAIMS_TABLE: emulators.claimsTable,
    LARGE_EVENTS_BUCKET: emulators.largeEventsBucket,
    LOG_LEVEL: 'SILENT',
  };
  const fallback = onUnhandledEvent((event) => handle(event));
  const modules = { v2: modulesOf({}), v1: modulesOf({}), fallback: modulesOf({ fallback }) };
  const worker = createWorker(modules, environment);
  const context = { getRemainingTimeInMillis: () => 60_000 } as Context;
  for (let batch = 1; batch <= maximumBatches; batch += 1) {
    const messages = await receive(emulators.queueUrl);
    if (messages.length === 0) return;
    const records = messages.map((message) => toSqsRecord(message, emulators.queueArn));
    const { batchItemFailures }: SQSBatchResponse = await worker({ Records: records }, context);
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    for (const { MessageId = '', ReceiptHandle } of messages) {
      const address = { QueueUrl: emulators.queueUrl, ReceiptHandle };
      if (!failed.has(MessageId)) await emulators.sqs.send(new DeleteMessageCommand(address));
      else await makeVisible(address);
    }
  }
}

/** @param typed input at a terminal; without it there is no terminal */
async function run(
  work: (commands: DeadLetterCommands) => Promise<void>,
  typed?: string,
): Promise<{ lines: string[] }> {
  const lines: string[] = [];
  const ids: Record<string, string> = {
    EventsQueue: emulators.queueUrl,
    DeadLetterQueue: emulators.deadLetterQueueUrl,
    ClaimsTable: emulators.claimsTable,
    LargeEventsBucket: emulators.largeEventsBucket,
  };
  const input = Object.assign(new PassThrough(), { isTTY: typed !== undefined });
  if (typed !== undefined) input.write(typed);
  const commands = createDeadLetterCommands({
    stack: {
      name: 'test',
      physicalId: (id) => ids[id],
      physicalIdsOf: () => [],
      resources: () => [],
      output: () => undefined,
    },
    sqs: emulators.sqs,
    dynamo,
    print: (line) => lines.push(line),
    progress: { report() {}, end() {} },
    signal: new AbortController().signal,
    input: input as unknown as NodeJS.ReadStream,
  });
  await work(commands);
  return { lines };
}

function redriveParts(): RedriveParts {
  return {
    queue: openDeadLetterQueue(emulators.sqs, emulators.deadLetterQueueUrl),
    redrives: createRedrives(dynamo, emulators.claimsTable),
    sqs: emulators.sqs,
    largeEvents: emulators.largeEvents,
    targetUrl: emulators.queueUrl,
  };
}

/** Redrives one batch of letters. The first character of each is its conversation. */
async function redriveBatch(bodies: string[], send: (body: string) => Promise<void>) {
  const released: string[] = [];
  const toLetter = (Body: string) =>
    readDeadLetter({ MessageId: Body, Body, Attributes: { MessageGroupId: Body.slice(0, 1) } }, '');
  const queue: DeadLetterQueue = {
    count: async () => ({ waiting: 0, hidden: 0 }),
    async *receive() {
      yield bodies.map(toLetter);
    },
    async remove() {},
    async release(letters) {
      released.push(...letters.map(({ body }) => body));
    },
  };
  const sqs = intercepting(async ({ input }) => {
    const { MessageBody } = input as { MessageBody: string };
    await send(MessageBody);
    return { output: { MessageId: `copy of ${MessageBody}` } };
  });
  const result = await redrive({ ...redriveParts(), queue, sqs }, {}, new AbortController().signal, () => {});
  return { released, result };
}

/** Starts a server that accepts connections and never responds. */
async function startSilentServer() {
  let connections = 0;
  const server = createServer(() => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Creates a client whose command fails, as if the process or the network had failed. */
function failing(name: string): SQSClient {
  return intercepting((args, context, next) => {
    if (context.commandName === name) throw new Error(`${name} failed`);
    return next(args);
  });
}

/** Creates a client that sends to another queue. */
function sendingTo(url: string): SQSClient {
  return intercepting((args, context, next) => {
    const isSending = context.commandName === 'SendMessageCommand';
    return next(isSending ? { ...args, input: { ...args.input, QueueUrl: url } } : args);
  });
}

type Arguments = { input: object };
type Next = (args: Arguments) => Promise<unknown>;

function intercepting(intercept: (args: Arguments, context: { commandName?: string }, next: Next) => unknown) {
  const client = new SQSClient();
  const middleware = (next: Next, context: object) => async (args: Arguments) => intercept(args, context, next);
  client.middlewareStack.add(middleware as never, { step: 'initialize' });
  return client;
}

async function makeVisible(address: { QueueUrl: string; ReceiptHandle: string | undefined }): Promise<void> {
  const command = new ChangeMessageVisibilityCommand({ ...address, VisibilityTimeout: 0 });
  await emulators.sqs.send(command).catch((error: Error) => {
    // After the last attempt, the worker has already made it visible.
    if (error.name !== 'MessageNotInflight') throw error;
  });
}

async function receive(QueueUrl: string): Promise<Message[]> {
  const everything = { MessageAttributeNames: ['All'], MessageSystemAttributeNames: ['All' as const] };
  const command = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, ...everything });
  return (await emulators.sqs.send(command)).Messages ?? [];
}

async function receiveAll(queueUrl: string): Promise<Message[]> {
  const messages = await receive(queueUrl);
  return messages.length === 0 ? [] : [...messages, ...(await receiveAll(queueUrl))];
}

async function counts(QueueUrl: string): Promise<{ visible: number; hidden: number }> {
  const { Attributes = {} } = await emulators.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
  );
  return {
    visible: Number(Attributes.ApproximateNumberOfMessages),
    hidden: Number(Attributes.ApproximateNumberOfMessagesNotVisible),
  };
}
