import type { DeadLetter } from './dead-letter.ts';
import type { DeadLetterQueue } from './dead-letter-queue.ts';
import { type Selection, visitDeadLetters } from './visit.ts';

export interface DropResult {
  dropped: number;
  failures: { letter: DeadLetter; error: unknown }[];
}

/**
 * Deletes dead letters permanently, after confirmation.
 *
 * @param confirm receives the selected letters, and returns whether to delete them
 * @returns `undefined` if no letter was selected or the deletion was not confirmed
 */
export async function drop(
  queue: DeadLetterQueue,
  selection: Selection,
  signal: AbortSignal,
  confirm: (letters: DeadLetter[]) => Promise<boolean>,
): Promise<DropResult | undefined> {
  const selected: DeadLetter[] = [];
  const remaining = new Set<DeadLetter>();
  const select = async (letters: DeadLetter[]) => {
    selected.push(...letters);
    for (const letter of letters) remaining.add(letter);
    return [];
  };
  try {
    await visitDeadLetters(queue, selection, signal, select);
    if (selected.length === 0 || signal.aborted || !(await confirm(selected))) return undefined;
    const result: DropResult = { dropped: 0, failures: [] };
    for (const letter of selected) {
      if (signal.aborted) break;
      try {
        await queue.remove(letter);
        remaining.delete(letter);
        result.dropped += 1;
      } catch (error) {
        result.failures.push({ letter, error });
      }
    }
    return result;
  } finally {
    await queue.release([...remaining]);
  }
}
