import type { DeadLetter } from './dead-letter.ts';
import type { DeadLetterQueue } from './dead-letter-queue.ts';

/** Selects dead letters for a command. */
export interface Selection {
  /** Only this event type. */
  type?: string | undefined;
  /** Only this message. */
  messageId?: string | undefined;
  /** At most this many. */
  maximum?: number | undefined;
}

/**
 * Passes the selected letters to a function, batch by batch. Makes the others visible again at the end.
 *
 * @param signal stops after the current batch
 * @param visit returns the letters that remain in the queue
 * @param isSkipped excludes letters from the selection
 */
export async function visitDeadLetters(
  queue: DeadLetterQueue,
  { type, messageId, maximum = Number.POSITIVE_INFINITY }: Selection,
  signal: AbortSignal,
  visit: (letters: DeadLetter[]) => Promise<DeadLetter[]>,
  isSkipped: (letter: DeadLetter) => boolean = () => false,
): Promise<void> {
  const remaining: DeadLetter[] = [];
  const isSelected = (letter: DeadLetter) =>
    (type === undefined || letter.type === type) && (messageId === undefined || letter.messageId === messageId);
  let missing = maximum;
  try {
    for await (const batch of queue.receive(signal)) {
      const matching = batch.filter((letter) => isSelected(letter) && !isSkipped(letter));
      const selected = new Set(matching.slice(0, missing));
      remaining.push(...batch.filter((letter) => !selected.has(letter)));
      if (selected.size > 0) {
        // If the visit fails, the whole batch becomes visible again.
        const unchanged = await visit([...selected]).catch((error) => {
          remaining.push(...selected);
          throw error;
        });
        remaining.push(...unchanged);
      }
      missing -= selected.size;
      if (missing <= 0) return;
    }
  } finally {
    await queue.release(remaining);
  }
}
