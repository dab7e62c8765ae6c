import { randomUUID } from 'node:crypto';
import { DeleteMessageCommand } from '@aws-sdk/client-sqs';
import type { Context } from 'aws-lambda';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { onEvent } from '../../lib/handler.ts';
import { createQueue } from '../../lib/intake/event-queue.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { onTurn } from '../../lib/turns/turns.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { modulesOf } from '../support/handler-modules.ts';

const TYPE = 'im.message.receive_v1';
const MESSAGES = 12;
const WORKERS = 4;
const aws = emulatedAws({ visibilityTimeoutSeconds: 2 });

beforeAll(() => {
  process.env.STATE_TABLE = aws.emulators.stateTable;
});
afterAll(() => {
  delete process.env.STATE_TABLE;
});

it('Several workers answer each message of a chat, one turn at a time, although handlers fail', async () => {
  const chat = randomUUID();
  const answered: string[] = [];
  let calls = 0;
  let running = 0;
  let mostAtOnce = 0;
  const handle = onTurn(
    async (events, { signal }) => {
      const texts = events.map(({ message }) => JSON.parse(message.content).text);
      calls += 1;
      running += 1;
      mostAtOnce = Math.max(mostAtOnce, running);
      const isFailing = calls % 3 === 1;
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve);
        setTimeout(resolve, 1500);
      });
      running -= 1;
      if (isFailing) throw new Error('not now');
      if (!signal.aborted) answered.push(...texts);
    },
    { windowSeconds: 0.2 },
  );
  const modules = { v2: modulesOf({ [TYPE]: onEvent(TYPE, handle) }), v1: modulesOf({}), fallback: modulesOf({}) };

  const send = async (text: string) => {
    const event = textMessage(text);
    event.message.chat_id = chat;
    event.message.message_id = `om_${text}_${chat}`;
    const body = createSample(TYPE, { version: '2.0', token: '', event });
    const received = { text: body, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
    const queue = createQueue(aws.emulators.queueUrl);
    await queue.send(parseEnvelope(body) as EventEnvelope, received, AbortSignal.timeout(10_000));
  };
  const texts = Array.from({ length: MESSAGES }, (_, index) => `${index}`);
  const completed = new Set<string>();
  const consume = async () => {
    const worker = createWorker(modules, aws.environment);
    while (completed.size < MESSAGES) {
      const [record] = await aws.receive();
      if (record === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      const endsAt = Date.now() + 60_000;
      const context = { getRemainingTimeInMillis: () => endsAt - Date.now() } as Context;
      const { batchItemFailures } = await worker({ Records: [record] }, context);
      if (batchItemFailures.length > 0) continue;
      completed.add(record.messageId);
      const { receiptHandle: ReceiptHandle } = record;
      await aws.emulators.sqs.send(new DeleteMessageCommand({ QueueUrl: aws.emulators.queueUrl, ReceiptHandle }));
    }
  };
  const consuming = Promise.all(Array.from({ length: WORKERS }, consume));
  for (const text of texts) {
    await send(text);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  await consuming;
  expect(new Set(answered)).toEqual(new Set(texts));
  expect(mostAtOnce).toBe(1);
});
