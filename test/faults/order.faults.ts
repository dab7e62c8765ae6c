import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PlatformEvent } from '../mock-platform/deliveries.ts';
import { allHandled, judge } from './oracle.ts';
import { messageEvent, type System, startSystem } from './system.ts';

describe('With ordering=conversation', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ ordering: 'conversation' });
  });
  afterAll(() => system[Symbol.asyncDispose]());
  afterEach(() => {
    system.faults.clear();
    system.api.onCall = () => {};
  });

  it('an event that always fails blocks only its chat, until it moves to the dead-letter queue', async () => {
    const [poison, next, last] = chatOf(3) as [PlatformEvent, PlatformEvent, PlatformEvent];
    const others = Array.from({ length: 5 }, () => chatOf(3));
    system.api.onCall = (id) => {
      if (id === poison.id) throw new Error('poisoned');
    };
    await pushAlternately([[poison, next, last], ...others]);
    const events = [poison, next, last, ...others.flat()];
    expect(await judge(system, events)).toEqual({ ...allHandled(events), dead: [poison.id] });
    expect(visibleOf([poison, next, last])).toEqual([next.id, last.id]);
    for (const chat of others) expect(visibleOf(chat)).toEqual(chat.map(({ id }) => id));
    const afterOthers = system.api.visible.indexOf(next.id);
    for (const { id } of others.flat()) expect(system.api.visible.indexOf(id)).toBeLessThan(afterOthers);
  });

  it.each([
    ['SQS does not respond to ChangeMessageVisibility', { lose: 'silent' }],
    ['SQS rejects ChangeMessageVisibility', { reject: { status: 500, code: 'InternalError' } }],
  ] as const)('the next events of a chat wait for a failed one, even if %s', async (_, fault) => {
    const chat = chatOf(3);
    const [first] = chat as [PlatformEvent];
    let failures = 0;
    system.api.onCall = (id, moment) => {
      if (id === first.id && moment === 'before' && failures++ === 0) throw new Error('unavailable');
    };
    const happened = system.faults.add({ operation: 'ChangeMessageVisibility', times: Infinity, fault });
    await pushAlternately([chat]);
    expect(await judge(system, chat)).toEqual(allHandled(chat));
    expect(visibleOf(chat)).toEqual(chat.map(({ id }) => id));
    expect(happened()).toBeGreaterThan(0);
  });

  it.each(['PutItem', 'UpdateItem'])(
    'the next events of a chat wait for an event whose worker is killed after %s',
    async (operation) => {
      const chats = Array.from({ length: 3 }, () => chatOf(3));
      for (const [first] of chats as [PlatformEvent][]) {
        const fault = { after: () => system.worker.kill(first.id) };
        system.faults.add({ operation, events: [first], times: 1, fault });
      }
      await pushAlternately(chats);
      expect(await judge(system, chats.flat())).toEqual(allHandled(chats.flat()));
      for (const chat of chats) expect(visibleOf(chat)).toEqual(chat.map(({ id }) => id));
    },
  );

  /** Pushes the first event of each chat, then the second, … */
  async function pushAlternately(chats: PlatformEvent[][]): Promise<void> {
    const last = new Map<PlatformEvent[], ReturnType<System['push']>>();
    for (let index = 0; index < 3; index++) {
      for (const chat of chats) last.set(chat, system.push(chat[index] as PlatformEvent, { after: last.get(chat) }));
    }
    await system.finishPushes();
  }

  function visibleOf(chat: readonly PlatformEvent[]): string[] {
    return system.api.visible.filter((visible) => chat.some(({ id }) => id === visible));
  }
});

describe('With ordering=none', () => {
  it("a slow tenant's events do not delay others, and each message has a group id", async () => {
    await using system = await startSystem({ workerTimeoutSeconds: 600 });
    const slow = chatOf(4);
    const others = Array.from({ length: 6 }, () => chatOf(1)).flat();
    const groups = new Set<unknown>();
    const decide = system.sqs.decide;
    system.sqs.decide = (request) => {
      if (request.operation === 'SendMessage') groups.add(request.body.MessageGroupId);
      return decide(request);
    };
    const othersVisible = Promise.withResolvers<void>();
    system.api.onCall = () => {
      if (others.every(({ id }) => system.api.visible.includes(id))) othersVisible.resolve();
    };
    const fault = { until: othersVisible.promise };
    const happened = system.faults.add({ operation: 'PutItem', events: slow, times: Infinity, fault });
    for (const event of [...slow, ...others]) system.push(event);
    await system.finishPushes();
    expect(await judge(system, [...slow, ...others])).toEqual(allHandled([...slow, ...others]));
    expect(happened()).toBeGreaterThanOrEqual(4);
    expect(groups.size).toBe(7);
    expect([...groups].every((group) => typeof group === 'string')).toBe(true);
    expect(system.api.visible.slice(0, others.length).toSorted()).toEqual(others.map(({ id }) => id).toSorted());
  });
});

let chatNumber = 0;

function chatOf(count: number): PlatformEvent[] {
  const chat = `oc_${++chatNumber}`;
  return Array.from({ length: count }, () => messageEvent(chat));
}
