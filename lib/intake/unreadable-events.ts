import { type Environment, readRequired } from '../config.ts';
import { createQueue, type Queue } from './event-queue.ts';
import type { UnreadableEvent } from './set-aside.ts';
import type { SqsSender } from './sqs-sender.ts';

/**
 * Creates the function that stores authentic events with an unknown envelope in the dead-letter queue. If they were
 * rejected, the platform would send them again for 7 hours, and hold back later events of ordered types.
 *
 * @param sender sends the messages; default: a new SQS client
 * @returns a function that throws the errors of {@link Queue.send}, within 2.5 s of the event's arrival
 */
export function createUnreadableIntake(
  environment: Environment,
  sender?: SqsSender,
): (event: UnreadableEvent) => Promise<void> {
  let queue: Queue | undefined;
  return async (event) => {
    queue ??= createQueue(readRequired(environment, 'DEAD_LETTER_QUEUE_URL'), environment, sender);
    const { storeUnreadable } = await import('./set-aside.ts');
    await storeUnreadable(queue, event, environment);
  };
}
