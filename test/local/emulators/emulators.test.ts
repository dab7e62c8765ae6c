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
import type { SQSRecord } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createQueue } from '../../../lib/intake/event-queue.ts';
import { type Emulators, startEmulators } from '../../../lib/local/emulators/emulators.ts';
import { decodeMessage } from '../../../lib/queue/message.ts';
import { MAXIMUM_RECEIVES } from '../../../lib/worker/retry.ts';

describe('Emulators with a data folder', () => {
  let dataFolder: string;
  let emulators: Emulators;
  let ordering: 'none' | 'conversation';
  beforeEach(async () => {
    dataFolder = await mkdtemp(path.join(tmpdir(), 'feishu-events-data-'));
    ordering = 'none';
  });
  afterEach(() => rm(dataFolder, { recursive: true }));

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
  const bodies = (messages: Message[]) => messages.map(({ Body }) => Body);

  it('restore a message unchanged', async () => {
    await using _ = await startFirst();
    const body = '{"text":"你好","big":90071992547409931}';
    const { MessageId } = await send(body);
    await restart();
    expect(await receiveOne()).toMatchObject({
      MessageId,
      Body: body,
      MessageAttributes: { a: { DataType: 'String', StringValue: '1' } },
      Attributes: { ApproximateReceiveCount: '1' },
    });
  });

  it('redeliver a message that was in flight immediately', async () => {
    await using _ = await startFirst();
    await send('a');
    await receiveOne();
    await restart();
    expect((await receiveOne()).Attributes?.ApproximateReceiveCount).toBe('2');
  });

  it('keep a message hidden until its retry', async () => {
    await using _ = await startFirst();
    await send('a');
    await hide(await receiveOne(), 3600);
    await restart();
    expect(await receive()).toEqual([]);
    expect(emulators.restored).toMatchObject([{ isDead: false, record: { body: 'a' } }]);
  });

  it('restore a message that was received again after its retry delay', async () => {
    await using _ = await startFirst();
    await send('a');
    await hide(await receiveOne(), 0);
    await receiveOne();
    await restart();
    expect((await receiveOne()).Attributes?.ApproximateReceiveCount).toBe('3');
  });

  it('do not restore deleted messages', async () => {
    await using _ = await startFirst();
    await send('a');
    await send('b');
    for (const message of await receive()) if (message.Body === 'a') await remove(message);
    await restart();
    expect(bodies(await receive())).toEqual(['b']);
    expect(emulators.restored.map(({ record }) => record.body)).toEqual(['b']);
  });

  it('restore an event that is too large for a message', async () => {
    await using _ = await startFirst();
    const text = JSON.stringify({ noise: randomBytes(1_200_000).toString('base64') });
    const environment = { LARGE_EVENTS_BUCKET: emulators.largeEventsBucket };
    vi.stubEnv('FEISHU_EVENTS_EMULATORS', emulators.templateEnvironment.FEISHU_EVENTS_EMULATORS);
    onTestFinished(() => void vi.unstubAllEnvs());
    const event = { text, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
    await createQueue(emulators.queueUrl, environment).send(undefined, event, new AbortController().signal);
    await restart();
    const [restored] = emulators.restored;
    expect(decodeMessage(restored?.record as SQSRecord).text === text).toBe(true);
    // The message itself still contains the key.
    expect(bodies(await receive())).toEqual([expect.stringMatching(/^events\//)]);
  });

  it.each(['none', 'conversation'] as const)('keep dead letters, with ordering=%s', async (chosen) => {
    ordering = chosen;
    await using _ = await startFirst();
    await send('a');
    for (let attempt = 1; attempt <= MAXIMUM_RECEIVES; attempt += 1) await hide(await receiveOne(), 0);
    expect(await receive()).toEqual([]);
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

  it('keep completed idempotency records, and delete expired records and leases', async () => {
    await using _ = await startFirst();
    const inAnHour = Math.floor(Date.now() / 1000) + 3600;
    await put('completed', 'COMPLETED', inAnHour);
    await put('in progress', 'INPROGRESS', inAnHour);
    await put('expired', 'COMPLETED', Math.floor(Date.now() / 1000) - 1);
    await restart();
    expect(await recordIds()).toEqual(['completed']);
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
});
