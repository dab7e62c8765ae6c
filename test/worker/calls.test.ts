import { randomUUID } from 'node:crypto';
import type { Context, SQSRecord } from 'aws-lambda';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { onEvent } from '../../lib/handler.ts';
import { encodeMessage } from '../../lib/queue/message.ts';
import { toSqsRecord } from '../../lib/queue/sqs-record.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { startCallCounter } from '../support/call-counter.ts';
import { emulatedAws } from '../support/emulated-aws.ts';

// The cost of an event is its calls, in addition to the functions' time.

const aws = emulatedAws();
// Deadlines never pass, because a busy machine would miss the calls that they end.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout'] }));
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

function recordOf(type: string): SQSRecord {
  const event = textMessage('Hello');
  const text = createSample(type, { version: '2.0', token: '', event });
  const { MessageBody, MessageAttributes } = encodeMessage(
    aws.emulators.queueUrl,
    parseEnvelope(text) as EventEnvelope,
    {
      text,
      source: 'webhook',
      receivedAt: new Date(),
      requestId: undefined,
    },
  );
  const message = { MessageId: randomUUID(), ReceiptHandle: 'handle', Body: MessageBody, MessageAttributes };
  return toSqsRecord({ ...message, Attributes: { ApproximateReceiveCount: '1' } }, aws.emulators.queueArn);
}

/** Returns the calls to DynamoDB and SQS for each delivery of a batch of ten events. */
async function callsOf(type: string, handle: () => void, deliveries = 1): Promise<Record<string, number>[]> {
  await using dynamo = await startCallCounter(aws.emulators.environment.AWS_ENDPOINT_URL_DYNAMODB as string);
  await using sqs = await startCallCounter(aws.emulators.environment.AWS_ENDPOINT_URL_SQS as string);
  vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', dynamo.origin);
  vi.stubEnv('AWS_ENDPOINT_URL_SQS', sqs.origin);
  const QUEUE_URL = `${sqs.origin}${new URL(aws.emulators.queueUrl).pathname}`;
  const noModule = () => {
    throw new Error('The module does not exist');
  };
  const handler = onEvent('im.message.receive_v1', handle);
  const v2 = (name: string) => (name === handler.type ? Promise.resolve({ default: handler }) : noModule());
  const worker = createWorker({ v2, v1: noModule, fallback: noModule }, { ...aws.environment, QUEUE_URL });
  const all: Record<string, number>[] = [];
  const records = Array.from({ length: 10 }, () => recordOf(type));
  for (let attempt = 1; attempt <= deliveries; attempt += 1) {
    for (const { attributes } of records) attributes.ApproximateReceiveCount = `${attempt}`;
    for (const { calls } of [dynamo, sqs]) for (const operation of Object.keys(calls)) delete calls[operation];
    const endsAt = Date.now() + 60_000;
    const context = { getRemainingTimeInMillis: () => endsAt - Date.now() } as Context;
    await worker({ Records: records }, context);
    all.push({ ...dynamo.calls, ...sqs.calls });
  }
  return all;
}

const FAILING = {
  'DynamoDB_20120810.PutItem': 10,
  'DynamoDB_20120810.UpdateItem': 10,
  'AmazonSQS.ChangeMessageVisibility': 10,
};

test('a handled event needs two calls: taking its lease and completing its record', async () => {
  expect(await callsOf('im.message.receive_v1', () => {})).toEqual([
    { 'DynamoDB_20120810.PutItem': 10, 'DynamoDB_20120810.UpdateItem': 10 },
  ]);
});

test('an event without a handler needs no calls', async () => {
  expect(await callsOf('example.thing.created_v1', () => {})).toEqual([{}]);
});

test('an event whose handler fails needs three calls: taking its lease, recording the failure, and postponing the message', async () => {
  const fail = () => {
    throw new Error('not now');
  };
  expect(await callsOf('im.message.receive_v1', fail)).toEqual([FAILING]);
});

test('a batch that was delivered before needs two more calls to count the attempts and to distinguish failures from an ended function, and one per event to find its state', async () => {
  const fail = () => {
    throw new Error('not now');
  };
  const [first, second] = await callsOf('im.message.receive_v1', fail, 2);
  expect(first).toEqual(FAILING);
  expect(second).toEqual({ ...FAILING, 'DynamoDB_20120810.BatchGetItem': 2, 'DynamoDB_20120810.GetItem': 10 });
});
