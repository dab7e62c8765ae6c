import { DeleteMessageBatchCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { afterAll, beforeAll } from 'vitest';
import { type EmulatorOptions, type Emulators, startEmulators } from '../../lib/local/emulators/emulators.ts';
import { toSqsRecord } from '../../lib/queue/sqs-record.ts';
// Loaded up front: otherwise the first event's time limit includes compiling it.
import '../../lib/intake/set-aside.ts';

export interface EmulatedAws {
  readonly emulators: Emulators;
  /** The environment variables of the functions. */
  readonly environment: Record<string, string>;
  /** Receives the queued messages as the worker's records, without waiting. */
  receive(queueUrl?: string): Promise<SQSRecord[]>;
  /** Receives and deletes all queued messages. */
  drain(): Promise<SQSRecord[]>;
}

/** Starts emulators of SQS, S3 and DynamoDB for the tests of a file. */
export function emulatedAws(options: Partial<EmulatorOptions> = {}): EmulatedAws {
  let emulators: Emulators;
  beforeAll(async () => {
    emulators = await startEmulators({ ordering: 'none', visibilityTimeoutSeconds: 360, ...options });
    // The functions create their clients from the environment.
    Object.assign(process.env, emulators.environment);
  });
  afterAll(() => emulators.stop());

  const receive = async (queueUrl = emulators.queueUrl) => {
    const { Messages = [] } = await emulators.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['All'],
      }),
    );
    return Messages.map((message) => toSqsRecord(message, emulators.queueArn));
  };

  return {
    get emulators() {
      return emulators;
    },
    get environment() {
      return {
        QUEUE_URL: emulators.queueUrl,
        DEAD_LETTER_QUEUE_URL: emulators.deadLetterQueueUrl,
        LARGE_EVENTS_BUCKET: emulators.largeEventsBucket,
        CLAIMS_TABLE: emulators.claimsTable,
        STATE_TABLE: emulators.stateTable,
      };
    },
    receive,
    async drain() {
      const all: SQSRecord[] = [];
      for (let batch = await receive(); batch.length > 0; batch = await receive()) {
        all.push(...batch);
        const Entries = batch.map(({ receiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle: receiptHandle }));
        await emulators.sqs.send(new DeleteMessageBatchCommand({ QueueUrl: emulators.queueUrl, Entries }));
      }
      return all;
    },
  };
}
