import { randomUUID } from 'node:crypto';
import type { Context, SQSRecord } from 'aws-lambda';
import { afterEach, expect, test, vi } from 'vitest';
import { type EventEnvelope, parseEnvelope } from '../lib/feishu/envelope.ts';
import { onEvent } from '../lib/handler.ts';
import { encodeMessage } from '../lib/queue-message.ts';
import { toSqsRecord } from '../lib/sqs-record.ts';
import { createSample, textMessage } from '../lib/tools/samples.ts';
import { createWorker } from '../lib/worker.ts';
import { startCallCounter } from './support/call-counter.ts';
import { emulatedAws } from './support/emulated-aws.ts';

// Calls are what an event costs beside the time of the functions.

const aws = emulatedAws();
afterEach(() => vi.unstubAllEnvs());

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

/** @returns the calls to DynamoDB and SQS that a batch of ten takes */
async function callsOf(type: string, handle: () => void): Promise<Record<string, number>> {
  await using dynamo = await startCallCounter(aws.emulators.environment.AWS_ENDPOINT_URL_DYNAMODB as string);
  await using sqs = await startCallCounter(aws.emulators.environment.AWS_ENDPOINT_URL_SQS as string);
  vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', dynamo.origin);
  vi.stubEnv('AWS_ENDPOINT_URL_SQS', sqs.origin);
  const QUEUE_URL = `${sqs.origin}${new URL(aws.emulators.queueUrl).pathname}`;
  const nothing = () => {
    throw new Error('There is no such module');
  };
  const handler = onEvent('im.message.receive_v1', handle);
  const v2 = (name: string) => (name === handler.type ? Promise.resolve({ default: handler }) : nothing());
  const worker = createWorker({ v2, v1: nothing, fallback: nothing }, { ...aws.environment, QUEUE_URL });
  const context = { getRemainingTimeInMillis: () => 60_000 } as Context;
  await worker({ Records: Array.from({ length: 10 }, () => recordOf(type)) }, context);
  return { ...dynamo.calls, ...sqs.calls };
}

test('a handled event takes two calls: its claim and its completion', async () => {
  expect(await callsOf('im.message.receive_v1', () => {})).toEqual({
    'DynamoDB_20120810.PutItem': 10,
    'DynamoDB_20120810.UpdateItem': 10,
  });
});

test('an event without a handler takes none', async () => {
  expect(await callsOf('example.thing.created_v1', () => {})).toEqual({});
});

test('an event whose handler fails takes three: taking its lease, recording the failure, and postponing the message', async () => {
  const fail = () => {
    throw new Error('not now');
  };
  expect(await callsOf('im.message.receive_v1', fail)).toEqual({
    'DynamoDB_20120810.PutItem': 10,
    'DynamoDB_20120810.UpdateItem': 10,
    'AmazonSQS.ChangeMessageVisibility': 10,
  });
});
