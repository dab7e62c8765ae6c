import type { FaultRules } from './fault-rules.ts';

/**
 * Makes the queue deliver batches a second time and in reverse order, as a standard queue may.
 *
 * @returns a function that returns the number of repeated batches
 */
export function deliverTwice(faults: FaultRules, chance: () => boolean = () => true): () => number {
  const batches: unknown[][] = [];
  let repeated = 0;
  faults.add({
    operation: 'ReceiveMessage',
    times: Infinity,
    fault: () => {
      const batch = batches.shift();
      if (batch !== undefined) {
        repeated++;
        return { instead: { Messages: batch } };
      }
      return {
        change: (response) => {
          if (!Array.isArray(response.Messages) || response.Messages.length === 0 || !chance()) return;
          response.Messages.reverse();
          // Repeated while the first delivery is still in flight.
          batches.push(response.Messages);
        },
      };
    },
  });
  return () => repeated;
}
