import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { openDeadLetterQueue } from '../../deploy/dead-letters/dead-letter-queue.ts';
import { redrive } from '../../deploy/dead-letters/redrive.ts';
import { createRedrives } from '../../redrives.ts';
import type { Emulators } from '../emulators.ts';
import type { RedriveOrder, RedriveReport } from './wire.ts';

/** Moves the local stack's dead letters back to its events queue, as `serverless dlq redrive` does. */
export async function redriveEvents(
  { sqs, queueUrl, deadLetterQueueUrl, claimsTable, environment }: Emulators,
  { messageId }: RedriveOrder,
  signal: AbortSignal,
): Promise<RedriveReport> {
  const dynamo = new DynamoDBClient({
    endpoint: environment.AWS_ENDPOINT_URL_DYNAMODB as string,
    region: environment.AWS_REGION as string,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  try {
    const queue = openDeadLetterQueue(sqs, deadLetterQueueUrl);
    const parts = { queue, sqs, eventsQueueUrl: queueUrl, redrives: createRedrives(dynamo, claimsTable) };
    const selection = messageId === undefined ? {} : { messageId, maximum: 1 };
    const { moved, movedBefore, failures } = await redrive(parts, selection, signal, () => {});
    return { moved: moved + movedBefore, failed: failures.length };
  } finally {
    dynamo.destroy();
  }
}
