import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { innocentNames, type Poison, type PoisonedWorker, startPoisonedWorker } from './poison.ts';

const ENDED = expect.stringMatching(/^The function ended while it ran this event/);

// Handlers that loop or use up the memory take longer: poison.faults.ts.
describe.each(['none', 'conversation'] as const)('With ordering=%s, a handler that ends the process', (ordering) => {
  let worker: PoisonedWorker;
  beforeAll(async () => {
    worker = await startPoisonedWorker({ ordering, timeoutMilliseconds: 60_000 });
  });
  afterAll(() => worker[Symbol.asyncDispose]());

  it.each<[Poison[]]>([[['exits']], [['exits while loading']], [['exits', 'exits while loading']]])(
    'delays the other events of its batch, and is alone in the dead-letter queue: %j',
    async (poisons) => {
      const innocents = 10 - poisons.length;
      const { dead, completed, deliveries } = await worker.run(poisons, innocents);
      expect(dead).toEqual(Object.fromEntries(poisons.map((poison, index) => [`${poison} ${index}`, ENDED])));
      expect(completed).toEqual(innocentNames(innocents));
      // The first delivery of all, then one delivery for each poison, then the innocents first.
      expect(deliveries).toBeLessThanOrEqual(2 + poisons.length);
    },
  );
});
