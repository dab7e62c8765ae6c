import { randomUUID } from 'node:crypto';
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  GetQueueAttributesCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import type { Context, SQSRecord } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { deduplicationKey } from '../../lib/feishu/event-identity.ts';
import { onEvent } from '../../lib/handler.ts';
import type { ImportModule } from '../../lib/handler-runtime/find-handler.ts';
import { encodeMessage } from '../../lib/queue/message.ts';
import { toSqsRecord } from '../../lib/queue/sqs-record.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { createFailureReasons } from '../../lib/store/failure-reasons.ts';
import { createIdempotencyStore, recordIdOf } from '../../lib/store/idempotency.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { FaultyProxy } from '../faults/faulty-proxy.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { writtenLines } from '../support/written-output.ts';

// How the worker uses the records of earlier deliveries. Tests that end processes are in test/faults.

const aws = emulatedAws();
let dynamo: DynamoDBClient;
beforeAll(() => {
  dynamo = new DynamoDBClient();
});
afterAll(() => dynamo.destroy());
afterEach(async () => {
  vi.unstubAllEnvs();
  await aws.emulators.sqs.send(new PurgeQueueCommand({ QueueUrl: aws.emulators.queueUrl }));
});

const context = { getRemainingTimeInMillis: () => 60_000 } as Context;
const noModule: ImportModule = () => {
  throw new Error('The module does not exist');
};

function workerWith(importHandler: (type: string) => Promise<{ default?: unknown }>) {
  const v2: ImportModule = (type) => (type.startsWith('im.') ? importHandler(type) : noModule(type));
  return createWorker({ v2, v1: noModule, fallback: noModule }, aws.environment);
}

/** @param handle called with the text of the message, or {@link OTHER_TYPE} for an event of the other type */
function handling(handle: (text: string) => unknown) {
  const handlers = [
    onEvent('im.message.receive_v1', ({ message }) => handle(JSON.parse(message.content).text)),
    onEvent('im.chat.updated_v1', () => handle(OTHER_TYPE)),
  ];
  return workerWith(async (type) => ({ default: handlers.find((handler) => handler.type === type) }));
}

const OTHER_TYPE = 'other type';

function otherEvent(): Event {
  return eventOf(OTHER_TYPE, createSample('im.chat.updated_v1', { version: '2.0', token: '' }));
}

interface Event {
  /** Identifies the event in the test. */
  text: string;
  body: string;
  /** The id of its idempotency record. */
  id: string;
  key: string;
}

function messageEvent(text: string): Event {
  const event = textMessage(text);
  event.message.chat_id = `oc_${randomUUID()}`;
  return eventOf(text, createSample('im.message.receive_v1', { version: '2.0', token: '', event }));
}

function eventOf(text: string, body: string): Event {
  const key = deduplicationKey(parseEnvelope(body) as EventEnvelope, body);
  return { text, body, key, id: recordIdOf(key) };
}

/** Queues and receives events. `attempts` sets the number of their delivery by name, default: 1. */
async function deliver(events: Event[], attempts: Record<string, number>): Promise<SQSRecord[]> {
  const { sqs, queueUrl, queueArn } = aws.emulators;
  for (const { body } of events) {
    const event = { text: body, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
    await sqs.send(new SendMessageCommand(encodeMessage(queueUrl, parseEnvelope(body) as EventEnvelope, event)));
  }
  const records: SQSRecord[] = [];
  while (records.length < events.length) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['All'],
      }),
    );
    records.push(...Messages.map((message) => toSqsRecord(message, queueArn)));
  }
  for (const record of records) {
    const { text } = events.find(({ body }) => body === record.body) as Event;
    record.attributes.ApproximateReceiveCount = `${attempts[text] ?? 1}`;
  }
  return records;
}

/** Writes the record of a run during which the function ended. */
async function leaveUnfinished({ id }: Event, isolatedRuns?: number): Promise<void> {
  const Item = {
    id: { S: id },
    status: { S: 'INPROGRESS' },
    claimant: { S: 'a killed function' },
    message_id: { S: 'a message' },
    in_progress_expiration: { N: `${Date.now() - 60_000}` },
    expiration: { N: `${Math.floor(Date.now() / 1000) + 3600}` },
    ...(isolatedRuns !== undefined && { isolated_runs: { N: `${isolatedRuns}` } }),
  };
  await dynamo.send(new PutItemCommand({ TableName: aws.emulators.claimsTable, Item }));
}

async function readRecord({ id }: Event) {
  const Key = { id: { S: id } };
  const { Item } = await dynamo.send(new GetItemCommand({ TableName: aws.emulators.claimsTable, Key }));
  return { status: Item?.status?.S, isolatedRuns: Item?.isolated_runs?.N };
}

async function countQueued(): Promise<number> {
  const { Attributes = {} } = await aws.emulators.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: aws.emulators.queueUrl, AttributeNames: ['All'] }),
  );
  return Number(Attributes.ApproximateNumberOfMessages) + Number(Attributes.ApproximateNumberOfMessagesNotVisible);
}

it('isolates events whose last delivery left no outcome, after it has deleted the others, harmful events last', async () => {
  const [isNew, failed, handled, noRecord, unfinished] = ['new', 'failed', 'handled', 'no record', 'unfinished'].map(
    messageEvent,
  ) as [Event, Event, Event, Event, Event];
  const endedAlone = otherEvent();
  const store = createIdempotencyStore(dynamo, aws.emulators.claimsTable);
  await store.recordFailure(failed.key, 'a message');
  const owner = {
    messageId: 'another message',
    isLastDelivery: false,
    context,
    signal: AbortSignal.timeout(10_000),
  };
  await store.once(handled.key, owner, async () => 'handled');
  await leaveUnfinished(unfinished);
  await leaveUnfinished(endedAlone, 1);
  const attempts = { failed: 2, handled: 3, 'no record': 2, unfinished: 3, [OTHER_TYPE]: 3 };
  const records = await deliver([isNew, failed, handled, noRecord, endedAlone, unfinished], attempts);

  const started: [text: string, queued: number][] = [];
  const running = new Set<string>();
  const alone: string[] = [];
  const bothStarted = Promise.withResolvers<void>();
  const worker = handling(async (text) => {
    running.add(text);
    started.push([text, await countQueued()]);
    if (running.has('new') && running.has('failed')) bothStarted.resolve();
    if (text === 'new' || text === 'failed') await bothStarted.promise;
    if (running.size === 1) alone.push(text);
    running.delete(text);
  });
  expect(await worker({ Records: records }, context)).toEqual({ batchItemFailures: [] });
  expect(started.toSpliced(1, 2)).toEqual([
    ['unfinished', 6],
    ['no record', 2],
    [OTHER_TYPE, 1],
  ]);
  expect(started.slice(1, 3).toSorted()).toEqual([
    ['failed', 5],
    ['new', 5],
  ]);
  expect(alone).toEqual(expect.arrayContaining(['unfinished', 'no record', OTHER_TYPE]));
});

it('counts an isolated run before it loads the handler, because the module may end the process', async () => {
  const event = messageEvent('loads');
  await leaveUnfinished(event, 1);
  const seen: unknown[] = [];
  const worker = workerWith(async () => {
    seen.push(await readRecord(event));
    return { default: onEvent('im.message.receive_v1', () => {}) };
  });
  await worker({ Records: await deliver([event], { loads: 3 }) }, context);
  expect(seen).toEqual([{ status: 'INPROGRESS', isolatedRuns: '2' }]);
  expect((await readRecord(event)).status).toBe('COMPLETED');
});

it('completes an isolated event without a handler', async () => {
  const body = createSample('example.thing.created_v1', { version: '2.0', token: '' });
  const event = eventOf('unhandled', body);
  const worker = handling(() => {});
  const records = await deliver([event], { unhandled: 2 });
  expect(await worker({ Records: records }, context)).toEqual({ batchItemFailures: [] });
  expect((await readRecord(event)).status).toBe('COMPLETED');
});

it('isolates new events of a type whose handler ended the function in isolation', async () => {
  const harmful = messageEvent('harmful');
  await leaveUnfinished(harmful, 1);
  const events = [messageEvent('new, of the same type'), harmful, otherEvent()];
  const records = await deliver(events, { harmful: 3 });
  const started: [text: string, queued: number][] = [];
  const worker = handling(async (text) => {
    started.push([text, await countQueued()]);
  });
  expect(await worker({ Records: records }, context)).toEqual({ batchItemFailures: [] });
  expect(started).toEqual([
    [OTHER_TYPE, 3],
    ['new, of the same type', 2],
    ['harmful', 1],
  ]);
});

it('isolates the first delivery of a redriven copy if the dead letter ended the function', async () => {
  const harmful = otherEvent();
  await leaveUnfinished(harmful, 4);
  const records = await deliver([harmful, messageEvent('harmless'), messageEvent('also harmless')], {});
  for (const record of records) {
    record.messageAttributes.redriveOf = { stringValue: `dead ${record.messageId}`, dataType: 'String' } as never;
  }
  const started: string[] = [];
  const othersStarted = Promise.withResolvers<void>();
  let queuedAtHarmful: number | undefined;
  const worker = handling(async (text) => {
    started.push(text);
    if (text === OTHER_TYPE) queuedAtHarmful = await countQueued();
    // Neither would end if they did not run concurrently.
    else if (started.length === 2) othersStarted.resolve();
    else await othersStarted.promise;
  });
  expect(await worker({ Records: records }, context)).toEqual({ batchItemFailures: [] });
  expect(started.at(-1)).toBe(OTHER_TYPE);
  expect(queuedAtHarmful).toBe(1);
});

it('stores a failure reason before the last delivery of a suspect, because the function may end again', async () => {
  const event = messageEvent('last');
  await leaveUnfinished(event, 3);
  const records = await deliver([event], { last: 5 });
  const messageId = records[0]?.messageId as string;
  let reason: string | undefined;
  const worker = handling(async () => {
    const reasons = await createFailureReasons(dynamo, aws.emulators.claimsTable).read([messageId]);
    reason = reasons.get(messageId)?.reason;
  });
  await worker({ Records: records }, context);
  expect(reason).toMatch(/^The function ended while it ran this event/);
});

it('records that a module could not be loaded, so that its event does not become a suspect', async () => {
  const event = messageEvent('broken module');
  const worker = workerWith(() => Promise.reject(new Error('syntax')));
  const response = await worker({ Records: await deliver([event], {}) }, context);
  expect(response.batchItemFailures.length).toBe(1);
  expect((await readRecord(event)).status).toBe('FAILED');
});

it('isolates all events that were delivered before if their records cannot be read', async () => {
  await using resources = new AsyncDisposableStack();
  const proxy = await FaultyProxy.start({ target: aws.emulators.environment.AWS_ENDPOINT_URL_DYNAMODB as string });
  resources.defer(() => proxy.stop());
  proxy.decide = ({ operation }) =>
    operation === 'BatchGetItem' ? { reject: { status: 400, code: 'AccessDeniedException' } } : undefined;
  vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', proxy.origin);
  const events = ['one', 'two', 'three'].map(messageEvent);
  const started: [running: number, queued: number][] = [];
  let running = 0;
  const worker = handling(async () => {
    running += 1;
    started.push([running, await countQueued()]);
    running -= 1;
  });
  const response = await worker({ Records: await deliver(events, { one: 2, two: 2, three: 2 }) }, context);
  expect(response).toEqual({ batchItemFailures: [] });
  expect(started).toEqual([
    [1, 3],
    [1, 2],
    [1, 1],
  ]);
  expect(writtenLines().join('\n')).toContain('Earlier outcomes could not be read');
});
