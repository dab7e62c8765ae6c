import type { DeadLetter } from './dead-letter.ts';
import type { DeadLetterQueue } from './dead-letter-queue.ts';

/** Which dead letters a command is about. */
export interface Selection {
  /** Of this event type alone. */
  type?: string | undefined;
  /** This one alone. */
  messageId?: string | undefined;
  /** Not more than so many. */
  maximum?: number | undefined;
}

/** Leaves a letter where it is. */
export type LeavesOut = (letter: DeadLetter) => boolean;

/**
 * Hands the selected letters to a function, batch by batch, and lets others see the rest again once it is through.
 *
 * @param visit returns the letters that stay in the queue
 * @param signal ends it after the batch under way
 */
export async function visitDeadLetters(
  queue: DeadLetterQueue,
  { type, messageId, maximum = Number.POSITIVE_INFINITY }: Selection,
  signal: AbortSignal,
  visit: (letters: DeadLetter[]) => Promise<DeadLetter[]>,
  leavesOut: LeavesOut = () => false,
): Promise<void> {
  const kept: DeadLetter[] = [];
  const isSelected = (letter: DeadLetter) =>
    (type === undefined || letter.type === type) && (messageId === undefined || letter.messageId === messageId);
  let left = maximum;
  try {
    for await (const batch of queue.receive(signal)) {
      const fitting = batch.filter((letter) => isSelected(letter) && !leavesOut(letter));
      const chosen = new Set(fitting.slice(0, left));
      kept.push(...batch.filter((letter) => !chosen.has(letter)));
      if (chosen.size > 0) {
        // Until it is known which of them stay, all do: a failure must hide none for longer than it has to.
        const stay = await visit([...chosen]).catch((error) => {
          kept.push(...chosen);
          throw error;
        });
        kept.push(...stay);
      }
      left -= chosen.size;
      if (left <= 0) return;
    }
  } finally {
    await queue.release(kept);
  }
}
