import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { type DeadLetter, readDeadLetter } from './dead-letter.ts';

/** The dead-letter queue, as the commands use it. A letter that was received is hidden until it is released. */
export interface DeadLetterQueue {
  count(): Promise<LetterCount>;
  /**
   * Receives every letter once, batch by batch, until the queue gives none. A FIFO queue gives at most 10 of a
   * conversation while they are hidden.
   *
   * @param signal ends it before the next batch
   */
  receive(signal: AbortSignal): AsyncGenerator<DeadLetter[]>;
  /** @throws when SQS does not delete it, as when it was hidden for so long that something else has received it */
  remove(letter: DeadLetter): Promise<void>;
  /** Lets others see them again. Where that fails, they are seen after 5 minutes. */
  release(letters: readonly DeadLetter[]): Promise<void>;
}

interface LetterCount {
  waiting: number;
  /** Received by something and neither deleted nor released yet. */
  hidden: number;
}

const HIDDEN_SECONDS = 300;
const MAXIMUM_BATCH_SIZE = 10;
/** Above zero SQS asks all of its servers: nothing received then means that nothing is there. */
const LONG_POLLING_SECONDS = 1;

export function openDeadLetterQueue(sqs: SQSClient, url: string): DeadLetterQueue {
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
        // Also the end when all that comes has come before: it was hidden for 5 minutes.
        const letters = Messages.filter(({ MessageId = '' }) => !seen.has(MessageId));
        if (letters.length === 0) return;
        for (const { MessageId = '' } of letters) seen.add(MessageId);
        yield letters.map((message) => readDeadLetter(message, QueueArn));
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
