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
import { claimIdOf, createClaims } from '../lib/claims.ts';
import { createFailureNotes } from '../lib/failure-notes.ts';
import { type EventEnvelope, parseEnvelope } from '../lib/feishu/envelope.ts';
import { deduplicationKey } from '../lib/feishu/event-identity.ts';
import { onEvent } from '../lib/handler.ts';
import type { ImportModule } from '../lib/handler-modules.ts';
import { encodeMessage } from '../lib/queue-message.ts';
import { toSqsRecord } from '../lib/sqs-record.ts';
import { createSample, textMessage } from '../lib/tools/samples.ts';
import { createWorker } from '../lib/worker.ts';
import { FaultyProxy } from './faults/faulty-proxy.ts';
import { emulatedAws } from './support/emulated-aws.ts';
import { writtenLines } from './support/written-output.ts';

// What the worker makes of the records that earlier deliveries left. The processes themselves end in faults/poison.

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
  throw new Error('There is no such module');
};

function workerWith(importMessageHandler: () => Promise<{ default?: unknown }>, environment = {}) {
  const v2: ImportModule = (type) => (type === 'im.message.receive_v1' ? importMessageHandler() : noModule(type));
  return createWorker({ v2, v1: noModule, fallback: noModule }, { ...aws.environment, ...environment });
}

/** @param handle is given the text of the message */
function handling(handle: (text: string) => unknown, environment = {}) {
  const handler = onEvent('im.message.receive_v1', ({ message }) => handle(JSON.parse(message.content).text));
  return workerWith(async () => ({ default: handler }), environment);
}

interface Event {
  /** Names it. */
  text: string;
  body: string;
  /** Of its idempotency record. */
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
  return { text, body, key, id: claimIdOf(key) };
}

/** Puts events into the queue and receives them: their deliveries are `attempt`, or the first of a redriven copy. */
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

/** Leaves the record of a run that ended with its function. */
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

it('runs events alone whose last delivery left no outcome, once all others are deleted, the harmful ones last', async () => {
  const texts = ['new', 'failed before', 'handled before', 'no record', 'unfinished', 'ended alone'];
  const events = Object.fromEntries(texts.map((text) => [text, messageEvent(text)])) as Record<string, Event>;
  const claims = createClaims(dynamo, aws.emulators.claimsTable);
  await claims.recordFailure(events['failed before']?.key as string, 'a message');
  const signal = AbortSignal.timeout(10_000);
  const claimant = { messageId: 'another message', isLastDelivery: false, context, signal };
  await claims.once(events['handled before']?.key as string, claimant, async () => 'handled');
  await leaveUnfinished(events.unfinished as Event);
  await leaveUnfinished(events['ended alone'] as Event, 1);
  const records = await deliver(Object.values(events), {
    'failed before': 2,
    'handled before': 3,
    'no record': 2,
    unfinished: 3,
    'ended alone': 3,
  });

  const started: [text: string, running: number, queued: number][] = [];
  let running = 0;
  const worker = handling(async (text) => {
    running += 1;
    started.push([text, running, await countQueued()]);
    running -= 1;
  });
  expect(await worker({ Records: records }, context)).toEqual({ batchItemFailures: [] });
  expect(
    started
      .slice(0, 2)
      .map(([text]) => text)
      .toSorted(),
  ).toEqual(['failed before', 'new']);
  expect(started.slice(2)).toEqual([
    ['unfinished', 1, 3],
    ['no record', 1, 2],
    ['ended alone', 1, 1],
  ]);
});

it('counts a run alone before it loads the handler, since the module itself may end the process', async () => {
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

it('completes an event without a handler that it ran alone', async () => {
  const body = createSample('example.thing.created_v1', { version: '2.0', token: '' });
  const event = eventOf('unhandled', body);
  const worker = handling(() => {});
  const records = await deliver([event], { unhandled: 2 });
  expect(await worker({ Records: records }, context)).toEqual({ batchItemFailures: [] });
  expect((await readRecord(event)).status).toBe('COMPLETED');
});

it('runs the copy of a dead letter alone at its first delivery, if the dead letter ended the function', async () => {
  const harmful = messageEvent('harmful');
  const others = ['harmless', 'also harmless'].map(messageEvent);
  await leaveUnfinished(harmful, 4);
  const records = await deliver([harmful, ...others], {});
  for (const record of records) {
    record.messageAttributes.redriveOf = { stringValue: `dead ${record.messageId}`, dataType: 'String' } as never;
  }
  const started: string[] = [];
  const othersStarted = Promise.withResolvers<void>();
  let queuedAtHarmful: number | undefined;
  const worker = handling(async (text) => {
    started.push(text);
    if (text === 'harmful') queuedAtHarmful = await countQueued();
    // Neither would end, if they did not run at the same time.
    else if (started.length === 2) othersStarted.resolve();
    else await othersStarted.promise;
  });
  expect(await worker({ Records: records }, context)).toEqual({ batchItemFailures: [] });
  expect(started.at(-1)).toBe('harmful');
  expect(queuedAtHarmful).toBe(1);
});

it('notes before the last delivery that the function ended, for the case that it does so again', async () => {
  const event = messageEvent('last');
  await leaveUnfinished(event, 3);
  const records = await deliver([event], { last: 5 });
  const messageId = records[0]?.messageId as string;
  let reason: string | undefined;
  const worker = handling(async () => {
    const notes = await createFailureNotes(dynamo, aws.emulators.claimsTable).read([messageId]);
    reason = notes.get(messageId)?.reason;
  });
  await worker({ Records: records }, context);
  expect(reason).toMatch(/^The function ended while it ran this event/);
});

it('records that a module could not be loaded, so that its event is not taken for one that ended the function', async () => {
  const event = messageEvent('broken module');
  const worker = workerWith(() => Promise.reject(new Error('syntax')));
  const response = await worker({ Records: await deliver([event], {}) }, context);
  expect(response.batchItemFailures.length).toBe(1);
  expect((await readRecord(event)).status).toBe('FAILED');
});

it('runs all events alone that were delivered before, if DynamoDB does not say how they ended', async () => {
  await using parts = new AsyncDisposableStack();
  const proxy = await FaultyProxy.start({ target: aws.emulators.environment.AWS_ENDPOINT_URL_DYNAMODB as string });
  parts.defer(() => proxy.stop());
  proxy.decide = ({ operation }) =>
    operation === 'BatchGetItem' ? { refuse: { status: 400, code: 'AccessDeniedException' } } : undefined;
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
  expect(writtenLines().join('\n')).toContain('How earlier deliveries ended could not be read');
});
