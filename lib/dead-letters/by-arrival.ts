import type { DeadLetter } from './dead-letter.ts';
import type { DeadLetterQueue } from './dead-letter-queue.ts';

const MAXIMUM_MESSAGES = 10_000;
const MAXIMUM_CHARACTERS = 64 * 1024 * 1024;

/**
 * Receives the messages of a standard queue, which returns them in any order, in batches that are in the order of arrival.
 * A batch has up to 10,000 messages or 64 MiB.
 */
export function byArrival(queue: DeadLetterQueue): DeadLetterQueue {
  return {
    ...queue,
    async *receive(signal) {
      let messages: DeadLetter[] = [];
      let characters = 0;
      const takeSorted = () => {
        const sorted = messages.toSorted((one, other) => one.receivedAt.getTime() - other.receivedAt.getTime());
        messages = [];
        characters = 0;
        return sorted;
      };
      for await (const batch of queue.receive(signal)) {
        messages.push(...batch);
        characters += batch.reduce((sum, { record }) => sum + record.body.length, 0);
        if (messages.length >= MAXIMUM_MESSAGES || characters >= MAXIMUM_CHARACTERS) yield takeSorted();
      }
      if (messages.length > 0) yield takeSorted();
    },
  };
}
