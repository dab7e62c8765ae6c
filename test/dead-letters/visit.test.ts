import { expect, test } from 'vitest';
import { type DeadLetter, readDeadLetter } from '../../lib/dead-letters/dead-letter.ts';
import type { DeadLetterQueue } from '../../lib/dead-letters/dead-letter-queue.ts';
import { visitDeadLetters } from '../../lib/dead-letters/visit.ts';

/** Creates a queue that returns batches of letters with these message ids. */
function queueOf(...batches: string[][]) {
  const released: string[] = [];
  const queue: DeadLetterQueue = {
    count: async () => ({ waiting: 0, hidden: 0 }),
    async *receive() {
      for (const batch of batches) yield batch.map((MessageId) => toLetter(MessageId));
    },
    async remove() {},
    async release(letters) {
      released.push(...letters.map(({ messageId }) => messageId));
    },
  };
  return { queue, released };
}

const toLetter = (MessageId: string) => readDeadLetter({ MessageId, Body: '', Attributes: { SentTimestamp: '0' } }, '');
const idsOf = (letters: readonly DeadLetter[]) => letters.map(({ messageId }) => messageId);
const visit = (queue: DeadLetterQueue, maximum: number, work: (letters: DeadLetter[]) => Promise<DeadLetter[]>) =>
  visitDeadLetters(queue, { maximum }, new AbortController().signal, work);

test('if a visit throws, its letters and the remaining ones of earlier batches become visible again', async () => {
  const { queue, released } = queueOf(['a', 'b'], ['c', 'd']);
  const failure = new Error('DynamoDB does not respond');
  const visiting = visit(queue, 10, async (letters) => {
    if (idsOf(letters).includes('c')) throw failure;
    return letters.filter(({ messageId }) => messageId === 'b');
  });
  await expect(visiting).rejects.toBe(failure);
  expect(released.toSorted()).toEqual(['b', 'c', 'd']);
});

test('if a visit throws, letters that are not selected become visible again', async () => {
  const { queue, released } = queueOf(['a', 'b', 'c']);
  const visiting = visit(queue, 1, () => Promise.reject(new Error('no')));
  await expect(visiting).rejects.toThrow('no');
  expect(released.toSorted()).toEqual(['a', 'b', 'c']);
});

test('letters that remain in the queue become visible again, the others do not', async () => {
  const { queue, released } = queueOf(['a', 'b'], ['c', 'd'], ['e']);
  const seen: string[] = [];
  await visit(queue, 3, async (letters) => {
    seen.push(...idsOf(letters));
    return letters.filter(({ messageId }) => messageId === 'b');
  });
  expect(seen).toEqual(['a', 'b', 'c']);
  expect(released).toEqual(['b', 'd']);
});
