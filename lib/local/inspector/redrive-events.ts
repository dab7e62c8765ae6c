import { setTimeout as sleep } from 'node:timers/promises';
import { openDeadLetterQueue } from '../../dead-letters/dead-letter-queue.ts';
import { redrive } from '../../dead-letters/redrive.ts';
import { createRedrives } from '../../store/redrives.ts';
import type { Emulators } from '../emulators/emulators.ts';
import type { RedriveRequest, RedriveResult } from './wire.ts';

/** An event whose attempts are used up reaches the dead-letter queue after some more deliveries. */
const ARRIVES_WITHIN_MILLISECONDS = 30_000;
const POLL_MILLISECONDS = 100;

/** Moves dead letters back to the events queue, like `serverless dlq redrive`. Waits for one that is still on its way. */
export async function redriveEvents(
  { sqs, queueUrl, deadLetterQueueUrl, dynamo, claimsTable, largeEvents }: Emulators,
  { messageId }: RedriveRequest,
  signal: AbortSignal,
): Promise<RedriveResult> {
  const queue = openDeadLetterQueue(sqs, deadLetterQueueUrl);
  const parts = { queue, sqs, largeEvents, targetUrl: queueUrl, redrives: createRedrives(dynamo, claimsTable) };
  const selection = messageId === undefined ? {} : { messageId, maximum: 1 };
  const waitUntil = performance.now() + ARRIVES_WITHIN_MILLISECONDS;
  for (;;) {
    const { moved, movedBefore, failures } = await redrive(parts, selection, signal, () => {});
    const result = { moved: moved + movedBefore, failed: failures.length };
    const isMissing = messageId !== undefined && result.moved + result.failed === 0;
    if (!isMissing || signal.aborted || performance.now() > waitUntil) return result;
    await sleep(POLL_MILLISECONDS);
  }
}
