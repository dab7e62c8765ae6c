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
  /** Waited for before more is received. */
  pause?: () => Promise<void>;
  /** Told of each delivery, before the worker is. */
  onDelivery: (record: SQSRecord) => void;
  /** Told of each delivery of a batch that failed as a whole. */
  onBatchFailure: (record: SQSRecord, error: unknown) => void;
}

export interface EventSourceMapping {
  /** Receives nothing more, and waits for the batches under way. */
  stop(): Promise<void>;
}

/** AWS polls a standard queue with five at first. */
const POLLERS = 5;
const MAXIMUM_BATCH_SIZE = 10;
const LONG_POLLING_SECONDS = 20;
const RETRY_MILLISECONDS = 1000;

/**
 * Does for the worker what AWS's event source mapping does: receives batches, invokes the function, deletes what it does
 * not report as failed (`ReportBatchItemFailures`) and leaves the rest to the queue.
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
      if (messages.length > 0) await work(options, messages);
      await options.pause?.();
    } catch (error) {
      if (stopping.aborted) return;
      const { error: reason, stack = reason } = errorFields(error);
      console.error(toEntry(`The event source mapping cannot reach the queue; trying again: ${stack}`));
      await sleep(RETRY_MILLISECONDS, undefined, { signal: stopping }).catch(() => {});
    }
  }
}

async function receive({ sqs, queueUrl }: EventSourceMappingOptions, stopping: AbortSignal): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      // In a FIFO queue a batch would hold up, and count as delivered, what waits behind a failing message of its group.
      MaxNumberOfMessages: queueUrl.endsWith('.fifo') ? 1 : MAXIMUM_BATCH_SIZE,
      WaitTimeSeconds: LONG_POLLING_SECONDS,
      MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['All'],
    }),
    { abortSignal: stopping },
  );
  return Messages;
}

async function work(options: EventSourceMappingOptions, messages: Message[]): Promise<void> {
  const records = messages.map((message) => toSqsRecord(message, options.queueArn));
  for (const record of records) options.onDelivery(record);
  let failed: Set<string>;
  try {
    failed = readFailures(await options.invoke({ Records: records }), records);
  } catch (error) {
    for (const record of records) options.onBatchFailure(record, error);
    return;
  }
  const done = records.filter(({ messageId }) => !failed.has(messageId));
  if (done.length === 0) return;
  await options.sqs.send(
    new DeleteMessageBatchCommand({
      QueueUrl: options.queueUrl,
      Entries: done.map(({ receiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle: receiptHandle })),
    }),
  );
}

/** As AWS has it: nothing reported is a success, and a report that makes no sense fails the whole batch. */
function readFailures(response: unknown, records: SQSRecord[]): Set<string> {
  const { batchItemFailures } = (response ?? {}) as Partial<SQSBatchResponse>;
  const failed = new Set((batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier));
  const known = new Set(records.map(({ messageId }) => messageId));
  if (failed.isSubsetOf(known)) return failed;
  throw new Error('The function reported a failed message that is not in the batch');
}
