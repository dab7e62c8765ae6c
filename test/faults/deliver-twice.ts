import type { FaultRules } from './fault-rules.ts';

/**
 * Has the queue deliver its messages again and in another order, as a standard queue may.
 *
 * @returns how many batches came again
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
        change: (answer) => {
          if (!Array.isArray(answer.Messages) || answer.Messages.length === 0 || !chance()) return;
          answer.Messages.reverse();
          // As they are: under way for the first time when they come for the second.
          batches.push(answer.Messages);
        },
      };
    },
  });
  return () => repeated;
}
