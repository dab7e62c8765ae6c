import { describe, expect, it } from 'vitest';
import { innocentNames, type Poison, startPoisonedWorker } from './poison.ts';

const TEST_MILLISECONDS = 30 * 60 * 1000;

describe('In 20 runs, the innocent events of a batch are handled, and only the poison is in the dead-letter queue:', () => {
  it.concurrent.each<[Poison[]]>([
    [['exits']],
    [['exits while loading']],
    [['exits', 'exits']],
    [['exits', 'exits while loading', 'exits while loading']],
    [['uses up the memory']],
    [['loops']],
  ])('%j', { timeout: TEST_MILLISECONDS }, async (poisons) => {
    await using worker = await startPoisonedWorker();
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
