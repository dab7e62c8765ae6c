import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DeleteMessageBatchCommand, GetQueueAttributesCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { Context } from 'aws-lambda';
import dynalite from 'dynalite';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { onEvent } from '../../lib/handler.ts';
import { createQueue } from '../../lib/intake/event-queue.ts';
import type { Emulators } from '../../lib/local/emulators/emulators.ts';
import { openTable } from '../../lib/local/emulators/table.ts';
import { toSqsRecord } from '../../lib/queue/sqs-record.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { modulesOf } from './handler-modules.ts';
import { RateLimitingApi, type RateLimits } from './rate-limiting-api.ts';

export interface LimitedReplies {
  limits: RateLimits;
  /** The value of `LIMIT_CALL_RATE`. */
  limitCallRate: boolean;
  messages: number;
  chats: number;
  /** The number of concurrent workers. */
  workers: number;
  /** Of the worker function. */
  timeoutMilliseconds?: number;
}

export interface LimitedRepliesResult {
  /** How often each message was replied to. */
  replies: ReadonlyMap<string, number>;
  rejected: number;
  deadLetters: number;
  /** Until the last reply. */
  milliseconds: number;
  /** The longest time that this process was late, because the machine was busy. */
  latestMilliseconds: number;
}

const TYPE = 'im.message.receive_v1';
const WORKER_TIMEOUT_MILLISECONDS = 60_000;

/** Starts a table whose emulator, unlike that of the local stack, does not run with low priority. */
async function startTable(name: string) {
  const server = dynalite({ createTableMs: 0 }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new DynamoDBClient({ endpoint });
  await openTable(client, name);
  client.destroy();
  const previous = process.env.AWS_ENDPOINT_URL_DYNAMODB;
  process.env.AWS_ENDPOINT_URL_DYNAMODB = endpoint;
  return {
    [Symbol.dispose]() {
      if (previous !== undefined) process.env.AWS_ENDPOINT_URL_DYNAMODB = previous;
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Queues messages, and lets workers reply to each of them over an API that enforces rate limits. */
export async function replyToMessages(
  { sqs, queueUrl, queueArn, deadLetterQueueUrl, claimsTable }: Emulators,
  {
    limits,
    limitCallRate,
    messages,
    chats,
    workers,
    timeoutMilliseconds = WORKER_TIMEOUT_MILLISECONDS,
  }: LimitedReplies,
): Promise<LimitedRepliesResult> {
  const chatOf = (index: number) => `oc_${index % chats}`;
  using _table = await startTable(claimsTable);
  await using api = await RateLimitingApi.start(limits, (messageId) => chatOf(Number(messageId.slice('om_'.length))));
  const queue = createQueue(queueUrl);
  for (let index = 0; index < messages; index += 1) {
    const event = textMessage('Hello');
    Object.assign(event.message, { message_id: `om_${index}`, chat_id: chatOf(index) });
    const text = createSample(TYPE, { version: '2.0', token: '', event });
    const queued = { text, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
    await queue.send(parseEnvelope(text) as EventEnvelope, queued, new AbortController().signal);
  }

  const handler = onEvent(TYPE, async ({ message }, { feishu, uuid }) => {
    const data = { msg_type: 'text', content: '{"text":"Hello"}', uuid: uuid('reply') };
    await feishu.im.message.reply({ path: { message_id: message.message_id }, data });
  });
  const modules = { v2: modulesOf({ [TYPE]: handler }), v1: modulesOf({}), fallback: modulesOf({}) };
  const environment = {
    QUEUE_URL: queueUrl,
    CLAIMS_TABLE: claimsTable,
    FEISHU_APP_ID: `cli_${randomUUID()}`,
    FEISHU_APP_SECRET: 'secret',
    FEISHU_DOMAIN: api.domain,
    LIMIT_CALL_RATE: `${limitCallRate}`,
    LOG_LEVEL: 'ERROR',
  };
  const countOf = async (QueueUrl: string) => {
    const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
    const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] });
    const { Attributes = {} } = await sqs.send(command);
    return AttributeNames.reduce((sum, name) => sum + Number(Attributes[name]), 0);
  };

  /** Like one execution environment of Lambda: it runs one batch at a time. */
  const runWorker = async () => {
    const worker = createWorker(modules, environment);
    for (;;) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: queueUrl.endsWith('.fifo') ? 1 : 10,
          WaitTimeSeconds: 1,
          MessageAttributeNames: ['All'],
          MessageSystemAttributeNames: ['All'],
        }),
      );
      if (Messages.length === 0 && (await countOf(queueUrl)) === 0) return;
      if (Messages.length === 0) continue;
      const endsAt = performance.now() + timeoutMilliseconds;
      const context = { getRemainingTimeInMillis: () => endsAt - performance.now() } as Context;
      const records = Messages.map((message) => toSqsRecord(message, queueArn));
      const { batchItemFailures } = await worker({ Records: records }, context);
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      const Entries = records
        .filter(({ messageId }) => !failed.has(messageId))
        .map(({ receiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle: receiptHandle }));
      if (Entries.length > 0) await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    }
  };
  const started = performance.now();
  const lateness = monitorEventLoopDelay();
  lateness.enable();
  await Promise.all(Array.from({ length: workers }, runWorker));
  return {
    replies: api.replies,
    rejected: api.rejected,
    deadLetters: await countOf(deadLetterQueueUrl),
    milliseconds: api.lastReplyAt - started,
    latestMilliseconds: lateness.max / 1e6,
  };
}
