import { ChangeMessageVisibilityCommand, DeleteMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { settleBefore } from '../util/deadline.ts';

/** What the worker does with the messages it has received, besides reporting which of them failed. */
export interface ReceivedMessages {
  /**
   * Makes a message visible to the workers again after a time.
   *
   * @param heldMilliseconds for how long the worker has had the message
   * @param signal aborts when the batch can wait no longer
   * @throws the SDK's errors, and the signal's reason
   */
  postpone(record: SQSRecord, seconds: number, heldMilliseconds: number, signal: AbortSignal): Promise<void>;
  /**
   * Deletes messages.
   *
   * @param records at most 10
   * @returns the ids of the messages that SQS did not delete
   * @throws the SDK's errors, and the signal's reason
   */
  remove(records: readonly SQSRecord[], signal: AbortSignal): Promise<string[]>;
}

/** SQS counts the time that a message is hidden from its delivery, and rejects what ends later. */
const MAXIMUM_HIDDEN_SECONDS = 12 * 60 * 60;
/** For the time between SQS's delivery and the worker's start. */
const MARGIN_SECONDS = 60;

/** @param queueUrl the queue that the messages come from */
export function createReceivedMessages(queueUrl: string): ReceivedMessages {
  const client = new SQSClient();
  return {
    async postpone({ receiptHandle }, seconds, heldMilliseconds, signal) {
      const longest = MAXIMUM_HIDDEN_SECONDS - MARGIN_SECONDS - Math.ceil(heldMilliseconds / 1000);
      const command = new ChangeMessageVisibilityCommand({
        QueueUrl: queueUrl,
        ReceiptHandle: receiptHandle,
        VisibilityTimeout: Math.min(seconds, longest),
      });
      await settleBefore(signal, client.send(command, { abortSignal: signal }));
    },

    async remove(records, signal) {
      const command = new DeleteMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: records.map(({ receiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle: receiptHandle })),
      });
      const { Failed } = await settleBefore(signal, client.send(command, { abortSignal: signal }));
      return Failed?.flatMap(({ Id }) => records[Number(Id)]?.messageId ?? []) ?? [];
    },
  };
}
