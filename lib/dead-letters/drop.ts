import type { DeadLetter } from './dead-letter.ts';
import type { DeadLetterQueue } from './dead-letter-queue.ts';
import { type Selection, visitDeadLetters } from './visit.ts';

export interface DropResult {
  dropped: number;
  failures: { letter: DeadLetter; error: unknown }[];
}

/**
 * Deletes dead letters for good, once a person has said so.
 *
 * @param confirm is shown the letters; what it answers is done
 * @returns `undefined` when nothing was deleted because the answer was no, or there was nothing to ask about
 */
export async function drop(
  queue: DeadLetterQueue,
  selection: Selection,
  signal: AbortSignal,
  confirm: (letters: DeadLetter[]) => Promise<boolean>,
): Promise<DropResult | undefined> {
  const chosen: DeadLetter[] = [];
  const remaining = new Set<DeadLetter>();
  const choose = async (letters: DeadLetter[]) => {
    chosen.push(...letters);
    for (const letter of letters) remaining.add(letter);
    return [];
  };
  try {
    await visitDeadLetters(queue, selection, signal, choose);
    if (chosen.length === 0 || signal.aborted || !(await confirm(chosen))) return undefined;
    const result: DropResult = { dropped: 0, failures: [] };
    for (const letter of chosen) {
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
