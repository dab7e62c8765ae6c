import { describe, expect, it } from 'vitest';
import { innocentNames, type Poison, startPoisonedWorker } from './poison.ts';

const SLOW_MILLISECONDS = 60_000;
/** A function that loops is killed after this time, in each of five deliveries. */
const LOOP_MILLISECONDS = 4_000;
const TEST_MILLISECONDS = 30 * 60 * 1000;

describe('20 times, the innocent events of a batch are handled, and the dead-letter queue has its poison alone:', () => {
  it.concurrent.each<[Poison[], number]>([
    [['exits'], SLOW_MILLISECONDS],
    [['exits while loading'], SLOW_MILLISECONDS],
    [['exits', 'exits'], SLOW_MILLISECONDS],
    [['exits', 'exits while loading', 'exits while loading'], SLOW_MILLISECONDS],
    [['uses up the memory'], SLOW_MILLISECONDS],
    [['loops'], LOOP_MILLISECONDS],
  ])('%j', { timeout: TEST_MILLISECONDS }, async (poisons, timeoutMilliseconds) => {
    await using worker = await startPoisonedWorker({ timeoutMilliseconds });
    const innocents = 10 - poisons.length;
    const poisonNames = poisons.map((poison, index) => `${poison} ${index}`);
    for (let run = 1; run <= 20; run += 1) {
      const { dead, completed, deliveries } = await worker.run(poisons, innocents);
      expect(Object.keys(dead).toSorted()).toEqual(poisonNames.toSorted());
      expect(completed).toEqual(innocentNames(innocents));
      expect(deliveries).toBeLessThanOrEqual(2 + poisons.length);
    }
  });
});
