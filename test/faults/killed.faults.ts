import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PlatformEvent } from '../mock-platform/deliveries.ts';
import { allHandled, judge } from './oracle.ts';
import { messageEvents, type System, startSystem } from './system.ts';

/** These tests mostly wait, so both orderings are tested concurrently. */
describe('If the worker is killed, with either ordering,', () => {
  let systems: System[];
  beforeAll(async () => {
    systems = await Promise.all((['none', 'conversation'] as const).map((ordering) => startSystem({ ordering })));
  });
  afterAll(() => Promise.all(systems.map((system) => system[Symbol.asyncDispose]())));
  beforeEach(() => {
    for (const system of systems) {
      system.faults.clear();
      system.api.onCall = () => {};
    }
  });

  async function pushAndJudge(system: System, events: readonly PlatformEvent[]) {
    for (const event of events) system.push(event);
    await system.finishPushes();
    return judge(system, events);
  }

  it.each([
    ['before it takes the lease', 'PutItem', 'before'],
    ['after it takes the lease', 'PutItem', 'after'],
    ['before it completes the record', 'UpdateItem', 'before'],
    ['after it completes the record', 'UpdateItem', 'after'],
  ] as const)('%s, each event is handled and takes effect once', async (_, operation, moment) => {
    const check = async (system: System) => {
      const events = messageEvents(10);
      const kill = (event: PlatformEvent | undefined) => () => system.worker.kill(event?.id ?? '');
      const happened = system.faults.add({
        operation,
        events,
        times: 2,
        fault: (event) => (moment === 'before' ? { before: kill(event), lose: 'cut' } : { after: kill(event) }),
      });
      expect(await pushAndJudge(system, events)).toEqual(allHandled(events));
      expect(happened()).toBe(2);
    };
    await Promise.all(systems.map(check));
  });

  it.each(['before', 'after'] as const)(
    '%s the effect, each event is handled and takes effect once',
    async (moment) => {
      const check = async (system: System) => {
        const events = messageEvents(10);
        let kills = 0;
        system.api.onCall = (id, callMoment) => {
          if (callMoment !== moment || kills === 2) return;
          kills += system.worker.kill(id);
          if (moment === 'before') throw new Error('the caller was killed');
        };
        expect(await pushAndJudge(system, events)).toEqual(allHandled(events));
        expect(kills).toBe(2);
      };
      await Promise.all(systems.map(check));
    },
  );

  it('at each attempt of one event, only that event moves to the dead-letter queue', async () => {
    const check = async (system: System) => {
      const events = messageEvents(10);
      const [poison] = events as [PlatformEvent];
      const happened = system.faults.add({
        operation: 'UpdateItem',
        events: [poison],
        times: Infinity,
        fault: () => ({ before: () => system.worker.kill(poison.id), lose: 'cut' }),
      });
      const verdict = await pushAndJudge(system, events);
      expect(verdict).toEqual({ ...allHandled(events), dead: [poison.id] });
      expect(happened()).toBe(5);
    };
    await Promise.all(systems.map(check));
  });
});
