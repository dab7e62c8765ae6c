import {
  CreateQueueCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueUrlCommand,
  type Message,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { moveQueues } from '../../lib/deploy/move-queues.ts';
import { parseEnvelope } from '../../lib/feishu/envelope.ts';
import { type Emulators, startEmulators } from '../../lib/local/emulators/emulators.ts';
import { encodeMessage } from '../../lib/queue/message.ts';
import { createFailureReasons } from '../../lib/store/failure-reasons.ts';
import { createRedrives } from '../../lib/store/redrives.ts';
import { createDeployedStack } from '../support/deployed-stack.ts';

// Uses SQS (fauxqs) and DynamoDB (dynalite), with queues of both kinds.

const { signal } = new AbortController();
let emulators: Emulators;
let fifo: { events: string; dead: string };
let standard: { events: string; dead: string };

beforeAll(async () => {
  emulators = await startEmulators({ ordering: 'none', visibilityTimeoutSeconds: 3600 });
  standard = { events: emulators.queueUrl, dead: emulators.deadLetterQueueUrl };
  const create = async (url: string) => {
    const QueueName = `${url.slice(url.lastIndexOf('/') + 1)}.fifo`;
    const Attributes = { FifoQueue: 'true', DeduplicationScope: 'messageGroup' };
    return (await emulators.sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl as string;
  };
  fifo = { events: await create(standard.events), dead: await create(standard.dead) };
});
afterAll(() => emulators.stop());

/** @param current the queues of the stack */
async function move(current: typeof standard, deletesQueues = false): Promise<string[]> {
  const ids: Record<string, string> = {
    EventsQueue: current.events,
    DeadLetterQueue: current.dead,
    ClaimsTable: emulators.claimsTable,
    LargeEventsBucket: emulators.largeEventsBucket,
  };
  const lines: string[] = [];
  await moveQueues(
    {
      stack: createDeployedStack(ids),
      sqs: emulators.sqs,
      dynamo: emulators.dynamo,
      print: (line) => lines.push(line),
      progress: { report() {}, end() {} },
      signal,
    },
    deletesQueues,
  );
  return lines;
}

/** Sends an event that arrived the given number of seconds after the first one. */
async function send(url: string, chat: string, second: number, extra: Record<string, string> = {}): Promise<string> {
  const event = { chat_id: chat, second };
  const header = { event_id: `${chat}-${second}`, event_type: 'a.moved_v1', app_id: 'cli_1' };
  const text = JSON.stringify({ schema: '2.0', header, event });
  const envelope = parseEnvelope(text);
  if (envelope.kind === 'url-verification') throw new TypeError('not an event');
  const receivedAt = new Date(Date.UTC(2026, 0, 1) + second * 1000);
  const message = encodeMessage(url, envelope, { text, source: 'webhook', receivedAt, requestId: undefined });
  const attributes = Object.entries(extra).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]);
  const MessageAttributes = { ...message.MessageAttributes, ...Object.fromEntries(attributes) };
  return (await emulators.sqs.send(new SendMessageCommand({ ...message, MessageAttributes }))).MessageId as string;
}

async function sendWithoutGroup(url: string, chat: string): Promise<void> {
  const attribute = (StringValue: string) => ({ DataType: 'String', StringValue });
  const event = { schema: '2.0', header: { event_id: chat, event_type: 'a.moved_v1' }, event: { chat_id: chat } };
  const MessageAttributes = { source: attribute('webhook'), receivedAt: attribute(new Date().toISOString()) };
  const message = { QueueUrl: url, MessageBody: JSON.stringify(event), MessageAttributes };
  await emulators.sqs.send(new SendMessageCommand(message));
}

/** Receives and deletes all messages. */
async function drain(url: string): Promise<Message[]> {
  const command = new ReceiveMessageCommand({
    QueueUrl: url,
    MaxNumberOfMessages: 10,
    MessageAttributeNames: ['All'],
    MessageSystemAttributeNames: ['All'],
  });
  const all: Message[] = [];
  while (true) {
    const { Messages = [] } = await emulators.sqs.send(command);
    if (Messages.length === 0) return all;
    all.push(...Messages);
    for (const { ReceiptHandle } of Messages) {
      await emulators.sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }));
    }
  }
}

const secondsOf = (messages: Message[], chat: string) =>
  messages
    .map(({ Body = '' }) => JSON.parse(Body).event)
    .filter((event) => event.chat_id === chat)
    .map(({ second }) => second);

describe('From standard to FIFO queues', () => {
  const shuffled = [7, 2, 11, 0, 9, 4, 1, 10, 3, 8, 6, 5];
  const failedAt = new Date('2026-01-02T03:04:05Z');
  let lines: string[];
  let events: Message[];
  let dead: Message[];

  beforeAll(async () => {
    for (const second of shuffled) {
      await send(standard.events, 'oc_1', second);
      await send(standard.events, 'oc_2', second);
    }
    const redriven = await send(standard.events, 'oc_3', 0, { redriveOf: 'dead letter' });
    await createRedrives(emulators.dynamo, emulators.claimsTable).recordSuccessor('dead letter', redriven);
    await sendWithoutGroup(standard.events, 'oc_4');
    const letter = await send(standard.dead, 'oc_1', 12, { redrives: '2' });
    const reasons = createFailureReasons(emulators.dynamo, emulators.claimsTable);
    await reasons.write(letter, 'TypeError: no number', signal, failedAt);
    lines = await move(fifo);
    events = await drain(fifo.events);
    dead = await drain(fifo.dead);
  });

  const ofChat = (chat: string) => events.find(({ Body = '' }) => JSON.parse(Body).event.chat_id === chat);

  test('all messages move', async () => {
    expect(lines).toEqual([
      '26 moved from feishu-events to feishu-events.fifo.',
      '1 moved from feishu-events-dead to feishu-events-dead.fifo.',
    ]);
    expect(events).toHaveLength(26);
    expect(await drain(standard.events)).toEqual([]);
    expect(await drain(standard.dead)).toEqual([]);
  });

  test('the events of a chat are in the order of arrival', () => {
    const ordered = shuffled.toSorted((one, other) => one - other);
    expect(secondsOf(events, 'oc_1')).toEqual(ordered);
    expect(secondsOf(events, 'oc_2')).toEqual(ordered);
  });

  test('a message without a group gets the one of its event', () => {
    expect(ofChat('oc_4')?.Attributes?.MessageGroupId).toBe('oc_4');
  });

  test('the worker accepts the moved copy of a redriven event', async () => {
    const moved = ofChat('oc_3');
    const redriveOf = moved?.MessageAttributes?.redriveOf?.StringValue ?? '';
    const redrives = createRedrives(emulators.dynamo, emulators.claimsTable);
    expect(await redrives.recordSuccessor(redriveOf, moved?.MessageId as string)).toBe(moved?.MessageId);
  });

  test('dead letters keep their failure reason and the number of their attempts', async () => {
    const [moved] = dead;
    const id = moved?.MessageId as string;
    const reasons = createFailureReasons(emulators.dynamo, emulators.claimsTable);
    expect((await reasons.read([id])).get(id)).toEqual({ reason: 'TypeError: no number', failedAt });
    expect(moved?.MessageAttributes?.redrives?.StringValue).toBe('2');
  });
});

test('The events of a FIFO queue move to a standard queue, each with its conversation', async () => {
  for (let second = 0; second < 12; second += 1) await send(fifo.events, 'oc_1', second);
  expect(await move(standard)).toContain('12 moved from feishu-events.fifo to feishu-events.');
  const moved = await drain(standard.events);
  expect(secondsOf(moved, 'oc_1').toSorted((one, other) => one - other)).toEqual([...Array(12).keys()]);
  expect(await drain(fifo.events)).toEqual([]);
});

test('After an interruption between sending and deleting, the next run only deletes', async () => {
  await send(standard.events, 'oc_1', 1);
  const { send: sendCommand } = emulators.sqs;
  const sendUntilDelete = async (...args: unknown[]) => {
    if (args[0] instanceof DeleteMessageCommand) throw new Error('interrupted');
    return Reflect.apply(sendCommand, emulators.sqs, args);
  };
  Object.assign(emulators.sqs, { send: sendUntilDelete });
  await expect(move(fifo)).rejects.toThrow('1 could not be moved and stay in feishu-events. Run the command again.');
  Object.assign(emulators.sqs, { send: sendCommand });
  expect(await move(fifo)).toContain('1 already moved by an interrupted run, now deleted.');
  expect(await drain(fifo.events)).toHaveLength(1);
  expect(await drain(standard.events)).toEqual([]);
});

test('Empty replaced queues are deleted on request, others are not', async () => {
  await send(standard.events, 'oc_1', 1);
  await emulators.sqs.send(new ReceiveMessageCommand({ QueueUrl: standard.events }));
  await expect(move(fifo, true)).rejects.toThrow('feishu-events still has 1 messages and was not deleted');
  const hidden = await move(fifo);
  expect(hidden).toContainEqual(expect.stringMatching(/^1 more in feishu-events are hidden until their next attempt/));

  await emulators.sqs.send(new DeleteQueueCommand({ QueueUrl: fifo.events }));
  await move(standard, true);
  const find = new GetQueueUrlCommand({ QueueName: 'feishu-events-dead.fifo' });
  await expect(emulators.sqs.send(find)).rejects.toThrow(QueueDoesNotExist);
  expect(await move(standard)).toEqual(['The stack test has no replaced queues.']);
});
