import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteMessageBatchCommand, type Message, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { errorFields } from '../observability/error-fields.ts';
import { toSqsRecord } from '../queue/sqs-record.ts';
import { toEntry } from '../util/printable.ts';

export interface EventSourceMappingOptions {
  sqs: SQSClient;
  queueUrl: string;
  queueArn: string;
  /** Invokes the worker function. */
  invoke: (event: SQSEvent) => Promise<unknown>;
  /** Delays the next receive. */
  pause?: () => Promise<void>;
  /** Called for each delivery. The worker is invoked when it has finished. */
  onDelivery: (record: SQSRecord) => void | Promise<void>;
  /** Called for each delivery of a batch that failed as a whole. */
  onBatchFailure: (record: SQSRecord, error: unknown) => void;
}

export interface EventSourceMapping {
  /** Stops receiving, and waits for the batches in flight. */
  stop(): Promise<void>;
}

/** Lambda starts with five pollers for a standard queue. */
const POLLERS = 5;
const MAXIMUM_BATCH_SIZE = 10;
const LONG_POLLING_SECONDS = 20;
const RETRY_MILLISECONDS = 1000;

/**
 * Emulates Lambda's event source mapping: receives batches, invokes the worker, deletes the messages that the worker does
 * not report as failed (`ReportBatchItemFailures`), and leaves the others in the queue.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export function startEventSourceMapping(options: EventSourceMappingOptions): EventSourceMapping {
  const stopping = new AbortController();
  const pollers = Array.from({ length: POLLERS }, () => poll(options, stopping.signal));
  return {
    async stop() {
      stopping.abort();
      await Promise.all(pollers);
    },
  };
}

async function poll(options: EventSourceMappingOptions, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    try {
      const messages = await receive(options, stopping);
      if (messages.length > 0) await processBatch(options, messages);
      await options.pause?.();
    } catch (error) {
      if (stopping.aborted) return;
      const { error: reason, stack = reason } = errorFields(error);
      console.error(toEntry(`The event source mapping cannot reach the queue; retrying in 1 s: ${stack}`));
      await sleep(RETRY_MILLISECONDS, undefined, { signal: stopping }).catch(() => {});
    }
  }
}

async function receive({ sqs, queueUrl }: EventSourceMappingOptions, stopping: AbortSignal): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      // A larger FIFO batch would delay the messages behind a failing one of their group and count them as delivered.
      MaxNumberOfMessages: queueUrl.endsWith('.fifo') ? 1 : MAXIMUM_BATCH_SIZE,
      WaitTimeSeconds: LONG_POLLING_SECONDS,
      MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['All'],
    }),
    { abortSignal: stopping },
  );
  return Messages;
}

async function processBatch(options: EventSourceMappingOptions, messages: Message[]): Promise<void> {
  const records = messages.map((message) => toSqsRecord(message, options.queueArn));
  await Promise.all(records.map((record) => options.onDelivery(record)));
  let failed: Set<string>;
  try {
    failed = readFailures(await options.invoke({ Records: records }), records);
  } catch (error) {
    for (const record of records) options.onBatchFailure(record, error);
    return;
  }
  const succeeded = records.filter(({ messageId }) => !failed.has(messageId));
  if (succeeded.length === 0) return;
  await options.sqs.send(
    new DeleteMessageBatchCommand({
      QueueUrl: options.queueUrl,
      Entries: succeeded.map(({ receiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle: receiptHandle })),
    }),
  );
}

/** As on Lambda, a response without failures is a success, and an unknown id fails the whole batch. */
function readFailures(response: unknown, records: SQSRecord[]): Set<string> {
  const { batchItemFailures } = (response ?? {}) as Partial<SQSBatchResponse>;
  const failed = new Set((batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier));
  const known = new Set(records.map(({ messageId }) => messageId));
  if (failed.isSubsetOf(known)) return failed;
  throw new Error('The function reported a failed message that is not in the batch');
}
