import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { volume } from '../support/volume.ts';
import { innocentNames, type Poison, type PoisonedWorker, startPoisonedWorker } from './poison.ts';

const ENDED = expect.stringMatching(/^The function ended while it ran this event/);

// The poison that uses up the memory takes longer: see poison.faults.ts.
const ORDERINGS = volume<('none' | 'conversation')[]>({ small: ['none'], full: ['none', 'conversation'] });
const POISONS = volume<[Poison[]][]>({
  small: [[['exits', 'exits while loading']]],
  full: [[['exits']], [['exits while loading']], [['loops']], [['exits', 'exits while loading']]],
});

describe.each(ORDERINGS)('With ordering=%s, a handler that ends the process', (ordering) => {
  let worker: PoisonedWorker;
  beforeAll(async () => {
    worker = await startPoisonedWorker(ordering);
  });
  afterAll(() => worker[Symbol.asyncDispose]());

  it.each(POISONS)(
    'only delays the other events of its batch, and only its own event moves to the dead-letter queue: %j',
    async (poisons) => {
      const innocents = 10 - poisons.length;
      const { dead, completed, deliveries } = await worker.run(poisons, innocents);
      expect(dead).toEqual(Object.fromEntries(poisons.map((poison, index) => [`${poison} ${index}`, ENDED])));
      expect(completed).toEqual(innocentNames(innocents));
      // One delivery of all events, one for each poison, and one with the innocent events first.
      expect(deliveries).toBeLessThanOrEqual(2 + poisons.length);
    },
  );
});
