import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { LargeEvents } from '../queue/large-events.ts';
import { type DeadLetter, readDeadLetter } from './dead-letter.ts';

/** The operations of the commands on the dead-letter queue. A received letter is hidden until it is released. */
export interface DeadLetterQueue {
  count(): Promise<LetterCount>;
  /**
   * Receives each letter once, in batches, until the queue returns no more. A FIFO queue returns at most 10 letters of a
   * conversation while they are hidden.
   *
   * @param signal stops before the next batch
   */
  receive(signal: AbortSignal): AsyncGenerator<DeadLetter[]>;
  /** @throws if SQS does not delete the letter, for example because another consumer has received it since */
  remove(letter: DeadLetter): Promise<void>;
  /** Makes letters visible again. If that fails, they become visible after 5 minutes. */
  release(letters: readonly DeadLetter[]): Promise<void>;
}

interface LetterCount {
  waiting: number;
  /** Letters that a consumer has received, but neither deleted nor released yet. */
  hidden: number;
}

const HIDDEN_SECONDS = 300;
const MAXIMUM_BATCH_SIZE = 10;
/** With a wait time above zero, SQS queries all of its servers: an empty response means that the queue is empty. */
const LONG_POLLING_SECONDS = 1;

/**
 * @param largeEvents the bucket of large events; default: such events are not read
 */
export function openDeadLetterQueue(
  sqs: SQSClient,
  url: string,
  largeEvents?: Pick<LargeEvents, 'read'>,
): DeadLetterQueue {
  const readLetter = async (message: Message, queueArn: string, signal: AbortSignal) => {
    const letter = readDeadLetter(message, queueArn);
    if (letter.storedKey === undefined || largeEvents === undefined) return letter;
    // The command needs the letter even if its event has been deleted.
    const event = await largeEvents.read(letter.storedKey, signal).catch(() => undefined);
    return readDeadLetter(message, queueArn, event);
  };

  const readAttributes = async () => {
    const AttributeNames = [
      'QueueArn',
      'ApproximateNumberOfMessages',
      'ApproximateNumberOfMessagesNotVisible',
    ] as const;
    const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [...AttributeNames] });
    return (await sqs.send(command)).Attributes ?? {};
  };

  return {
    async count() {
      const { ApproximateNumberOfMessages: waiting, ApproximateNumberOfMessagesNotVisible: hidden } =
        await readAttributes();
      return { waiting: Number(waiting ?? 0), hidden: Number(hidden ?? 0) };
    },

    async *receive(signal) {
      const { QueueArn = '' } = await readAttributes();
      const seen = new Set<string>();
      while (!signal.aborted) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({
            QueueUrl: url,
            MaxNumberOfMessages: MAXIMUM_BATCH_SIZE,
            WaitTimeSeconds: LONG_POLLING_SECONDS,
            VisibilityTimeout: HIDDEN_SECONDS,
            MessageAttributeNames: ['All'],
            MessageSystemAttributeNames: ['All'],
          }),
        );
        // Letters become visible again after 5 minutes: a batch that contains only known ones is the end too.
        const letters = Messages.filter(({ MessageId = '' }) => !seen.has(MessageId));
        if (letters.length === 0) return;
        for (const { MessageId = '' } of letters) seen.add(MessageId);
        yield await Promise.all(letters.map((message) => readLetter(message, QueueArn, signal)));
      }
    },

    async remove({ receiptHandle }) {
      await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: receiptHandle }));
    },

    async release(letters) {
      for (let start = 0; start < letters.length; start += MAXIMUM_BATCH_SIZE) {
        const Entries = letters
          .slice(start, start + MAXIMUM_BATCH_SIZE)
          .map(({ receiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle: receiptHandle, VisibilityTimeout: 0 }));
        await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries }));
      }
    },
  };
}
