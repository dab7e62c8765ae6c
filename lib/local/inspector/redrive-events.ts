import { openDeadLetterQueue } from '../../dead-letters/dead-letter-queue.ts';
import { redrive } from '../../dead-letters/redrive.ts';
import { createRedrives } from '../../store/redrives.ts';
import type { Emulators } from '../emulators/emulators.ts';
import type { RedriveRequest, RedriveResult } from './wire.ts';

/** Moves dead letters back to the events queue, like `serverless dlq redrive`. */
export async function redriveEvents(
  { sqs, queueUrl, deadLetterQueueUrl, dynamo, claimsTable, largeEvents }: Emulators,
  { messageId }: RedriveRequest,
  signal: AbortSignal,
): Promise<RedriveResult> {
  const queue = openDeadLetterQueue(sqs, deadLetterQueueUrl);
  const parts = { queue, sqs, largeEvents, targetUrl: queueUrl, redrives: createRedrives(dynamo, claimsTable) };
  const selection = messageId === undefined ? {} : { messageId, maximum: 1 };
  const { moved, movedBefore, failures } = await redrive(parts, selection, signal, () => {});
  return { moved: moved + movedBefore, failed: failures.length };
}
