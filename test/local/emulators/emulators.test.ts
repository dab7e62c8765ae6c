import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DynamoDBClient, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createQueue } from '../../../lib/intake/event-queue.ts';
import { type Emulators, startEmulators } from '../../../lib/local/emulators/emulators.ts';
import { decodeMessage } from '../../../lib/queue/message.ts';
import { MAXIMUM_RECEIVES } from '../../../lib/worker/retry.ts';

let dataFolder: string;
let emulators: Emulators;
let ordering: 'none' | 'conversation';
const createDataFolder = () => mkdtemp(path.join(tmpdir(), 'feishu-events-data-'));
const startAll = () => startEmulators({ ordering, visibilityTimeoutSeconds: 360, dataFolder });
const startFirst = async () => {
  emulators = await startAll();
  return { [Symbol.asyncDispose]: () => emulators.stop() };
};
const restart = async (next = ordering) => {
  await emulators.stop();
  ordering = next;
  emulators = await startAll();
};
const send = (body: string, group = 'g') => {
  const fifo = ordering === 'conversation' ? { MessageGroupId: group, MessageDeduplicationId: body } : {};
  const MessageAttributes = { a: { DataType: 'String', StringValue: '1' } };
  const QueueUrl = emulators.queueUrl;
  return emulators.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body, MessageAttributes, ...fifo }));
};
const receive = async (QueueUrl = emulators.queueUrl): Promise<Message[]> => {
  const command = new ReceiveMessageCommand({
    QueueUrl,
    MaxNumberOfMessages: 10,
    MessageAttributeNames: ['All'],
    MessageSystemAttributeNames: ['All'],
  });
  return (await emulators.sqs.send(command)).Messages ?? [];
};
const receiveOne = async () => {
  const messages = await receive();
  expect(messages.length).toBe(1);
  return messages[0] as Message;
};
const hide = ({ ReceiptHandle }: Message, VisibilityTimeout: number) =>
  emulators.sqs.send(
    new ChangeMessageVisibilityCommand({ QueueUrl: emulators.queueUrl, ReceiptHandle, VisibilityTimeout }),
  );
const remove = ({ ReceiptHandle }: Message) =>
  emulators.sqs.send(new DeleteMessageCommand({ QueueUrl: emulators.queueUrl, ReceiptHandle }));
/** Receives the only visible message until SQS moves it to the dead-letter queue. */
const useUpReceives = async () => {
  for (let attempt = 1; attempt <= MAXIMUM_RECEIVES; attempt += 1) await hide(await receiveOne(), 0);
  expect(await receive()).toEqual([]);
};
const bodies = (messages: Message[]) => messages.map(({ Body }) => Body);

const dynamo = () =>
  new DynamoDBClient({
    endpoint: emulators.environment.AWS_ENDPOINT_URL_DYNAMODB as string,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
const put = (id: string, status: string, expiration: number) => {
  const Item = { id: { S: id }, status: { S: status }, expiration: { N: `${expiration}` } };
  return dynamo().send(new PutItemCommand({ TableName: emulators.claimsTable, Item }));
};
const recordIds = async () => {
  const { Items = [] } = await dynamo().send(new ScanCommand({ TableName: emulators.claimsTable }));
  return Items.map(({ id }) => id?.S);
};

describe('After a restart of emulators with a data folder,', () => {
  const LARGE = JSON.stringify({ noise: randomBytes(1_200_000).toString('base64') });
  const inAnHour = Math.floor(Date.now() / 1000) + 3600;
  const received = new Map<string, Message>();

  beforeAll(async () => {
    dataFolder = await createDataFolder();
    ordering = 'none';
    emulators = await startAll();
    const sendAndReceive = async (body: string) => {
      await send(body);
      return await receiveOne();
    };
    await remove(await sendAndReceive('deleted'));
    await hide(await sendAndReceive('hidden'), 3600);
    await hide(await sendAndReceive('received again'), 0);
    await receiveOne();
    await sendAndReceive('in flight');
    await send('dead');
    await useUpReceives();
    await send('你好 90071992547409931');
    vi.stubEnv('FEISHU_EVENTS_EMULATORS', emulators.templateEnvironment.FEISHU_EVENTS_EMULATORS);
    const event = { text: LARGE, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
    const queue = createQueue(emulators.queueUrl, { LARGE_EVENTS_BUCKET: emulators.largeEventsBucket });
    await queue.send(undefined, event, new AbortController().signal);
    vi.unstubAllEnvs();
    await put('completed', 'COMPLETED', inAnHour);
    await put('in progress', 'INPROGRESS', inAnHour);
    await put('expired', 'COMPLETED', Math.floor(Date.now() / 1000) - 1);

    await restart();
    for (const message of await receive()) received.set(message.Body as string, message);
  });
  afterAll(async () => {
    await emulators.stop();
    await rm(dataFolder, { recursive: true });
  });
  const receives = (body: string) => received.get(body)?.Attributes?.ApproximateReceiveCount;
  const restoredBodies = () => emulators.restored.map(({ record }) => record.body);

  it('a message is unchanged', () => {
    const message = received.get('你好 90071992547409931');
    expect(message).toMatchObject({
      MessageAttributes: { a: { DataType: 'String', StringValue: '1' } },
      Attributes: { ApproximateReceiveCount: '1' },
    });
    const ids = emulators.restored.map(({ record }) => record.messageId);
    expect(ids).toContain(message?.MessageId);
  });

  it('a message that was in flight is redelivered immediately', () => {
    expect(receives('in flight')).toBe('2');
  });

  it('a message stays hidden until its retry', () => {
    expect(received.has('hidden')).toBe(false);
    expect(emulators.restored).toContainEqual(
      expect.objectContaining({ isDead: false, record: expect.objectContaining({ body: 'hidden' }) }),
    );
  });

  it('a message that was received again after its retry delay is redelivered', () => {
    expect(receives('received again')).toBe('3');
  });

  it('a deleted message stays deleted', () => {
    expect(received.has('deleted')).toBe(false);
    expect(restoredBodies()).not.toContain('deleted');
  });

  it('an event that is too large for a message is complete', () => {
    const texts = emulators.restored
      .filter(({ record }) => record.body.length > 1_000_000)
      .map(({ record }) => decodeMessage(record).text);
    expect(texts.length).toBe(1);
    expect(texts[0] === LARGE).toBe(true);
    // The message itself still contains the key.
    expect([...received.keys()]).toContainEqual(expect.stringMatching(/^events\//));
  });

  it('a dead letter is in the dead-letter queue', async () => {
    expect(emulators.restored).toContainEqual(
      expect.objectContaining({ isDead: true, record: expect.objectContaining({ body: 'dead' }) }),
    );
    expect(received.has('dead')).toBe(false);
    expect(bodies(await receive(emulators.deadLetterQueueUrl))).toEqual(['dead']);
  });

  it('completed idempotency records remain, expired records and leases do not', async () => {
    expect(await recordIds()).toEqual(['completed']);
  });
});

describe('Emulators with a data folder', () => {
  beforeEach(async () => {
    dataFolder = await createDataFolder();
    ordering = 'none';
  });
  afterEach(() => rm(dataFolder, { recursive: true }));

  it('keep dead letters of a FIFO queue', async () => {
    ordering = 'conversation';
    await using _ = await startFirst();
    await send('a');
    await useUpReceives();
    await restart();
    expect(emulators.restored).toMatchObject([{ isDead: true, record: { body: 'a' } }]);
    expect(await receive()).toEqual([]);
    expect(bodies(await receive(emulators.deadLetterQueueUrl))).toEqual(['a']);
  });

  it('keep the order of a conversation, and block it behind a message that waits for a retry', async () => {
    ordering = 'conversation';
    await using _ = await startFirst();
    for (const body of ['a1', 'a2']) await send(body, 'a');
    for (const body of ['b1', 'b2']) await send(body, 'b');
    for (const message of await receive()) if (message.Body === 'b1') await hide(message, 3600);
    await restart();
    const first = await receiveOne();
    expect(first.Body).toBe('a1');
    await send('a3', 'a');
    await remove(first);
    const second = await receiveOne();
    expect(second.Body).toBe('a2');
    await remove(second);
    const third = await receiveOne();
    expect(third.Body).toBe('a3');
    expect(Number(third.Attributes?.SequenceNumber)).toBeGreaterThan(Number(second.Attributes?.SequenceNumber));
  });

  it('keep the messages when the ordering changes', async () => {
    await using _ = await startFirst();
    await send('a');
    await send('b');
    await restart('conversation');
    const messages = await receive();
    expect(bodies(messages)).toEqual(['a', 'b']);
    await remove(messages[0] as Message);
    await restart('none');
    expect(bodies(await receive())).toEqual(['b']);
  });

  it('reject a folder that is in use', async () => {
    await using _ = await startFirst();
    await expect(startAll()).rejects.toThrow('Another npm start of this project is running');
  });

  it('reject a file that is not a database, with advice', async () => {
    await writeFile(path.join(dataFolder, 'messages.sqlite'), 'not a database, but long enough to be taken for one');
    await expect(startAll()).rejects.toThrow(
      /Cannot read the queue in .* \(file is not a database\)\. Move the folder away/,
    );
  });

  it('reject unreadable idempotency records, with advice', async () => {
    await startFirst().then((first) => first[Symbol.asyncDispose]());
    await writeFile(path.join(dataFolder, 'claims/CURRENT'), 'nothing');
    await expect(startAll()).rejects.toThrow(/Cannot read the idempotency records in .*Move the folder away/);
  });

  it('reject a folder with another schema version', async () => {
    await startFirst().then((first) => first[Symbol.asyncDispose]());
    const database = new DatabaseSync(path.join(dataFolder, 'messages.sqlite'));
    database.exec('PRAGMA user_version = 99');
    database.close();
    await expect(startAll()).rejects.toThrow(/unsupported schema version 99\)\. Move the folder away/);
  });
});
