import { ChangeMessageVisibilityCommand, DeleteMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { rejectOnAbort } from '../util/deadline.ts';

/** Changes messages that the worker has received. */
export interface ReceivedMessages {
  /**
   * Hides a message until its retry.
   *
   * @param heldMilliseconds time since the worker received the message
   * @param signal aborts when the batch must be reported
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

/** The maximum visibility timeout, counted from the delivery. SQS rejects a longer one. */
const MAXIMUM_HIDDEN_SECONDS = 12 * 60 * 60;
/** Allows for the time between SQS's delivery and the worker's start. */
const MARGIN_SECONDS = 60;

/** @param queueUrl the queue that the messages come from */
export function createReceivedMessages(client: SQSClient, queueUrl: string): ReceivedMessages {
  return {
    async postpone({ receiptHandle }, seconds, heldMilliseconds, signal) {
      const longest = MAXIMUM_HIDDEN_SECONDS - MARGIN_SECONDS - Math.ceil(heldMilliseconds / 1000);
      const command = new ChangeMessageVisibilityCommand({
        QueueUrl: queueUrl,
        ReceiptHandle: receiptHandle,
        VisibilityTimeout: Math.min(seconds, longest),
      });
      await rejectOnAbort(signal, client.send(command, { abortSignal: signal }));
    },

    async remove(records, signal) {
      const command = new DeleteMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: records.map(({ receiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle: receiptHandle })),
      });
      const { Failed } = await rejectOnAbort(signal, client.send(command, { abortSignal: signal }));
      return Failed?.flatMap(({ Id }) => records[Number(Id)]?.messageId ?? []) ?? [];
    },
  };
}
