import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { PlatformEvent } from '../mock-platform/deliveries.ts';
import { deliverTwice } from './deliver-twice.ts';
import { judge, type Verdict, waitUntilFewRemain } from './oracle.ts';
import { Schedule } from './schedule.ts';
import { messageEvent, PUSHES_IN_FLIGHT, type System, startSystem } from './system.ts';

const HOUR_MILLISECONDS = 60 * 60 * 1000;
const CLOCK_SHIFTS_MILLISECONDS = [0, 0, HOUR_MILLISECONDS, 0, -HOUR_MILLISECONDS];
/** Faults end when this many events are in flight, to show that these complete without faults. */
const EVENTS_LEFT_WITHOUT_FAULTS = 50;

const seed = process.env.FAULTS_SEED ?? '1';

describe(`With the faults of seed ${seed} (set FAULTS_SEED to use another, "random" for a random one)`, () => {
  const actualSeed = seed === 'random' ? `${randomInt(2 ** 32)}` : seed;

  beforeEach(() => {
    // The event source mapping prints the errors of SQS.
    vi.spyOn(console, 'error').mockReturnValue();
  });

  it.concurrent('none of 10,000 events over both transports is lost, and no effect is duplicated', async () => {
    await using system = await startSystem({
      longConnection: true,
      workerClockShiftsMilliseconds: CLOCK_SHIFTS_MILLISECONDS,
    });
    const events = numberedEvents(10_000, 500);
    const schedule = new Schedule(actualSeed, system, events);
    const repeated = deliverTwice(system.faults, () => schedule.happens(300, `batch ${system.delivered.size}`));
    for (const [number, event] of events.entries()) {
      while (system.platform.inFlight >= PUSHES_IN_FLIGHT) await sleep(1);
      const isDuplicated = schedule.happens(500, 'duplicated', event.id);
      if (schedule.happens(2500, 'long connection', event.id)) system.pushByLongConnection(event, { isDuplicated });
      else system.push(event, { isDuplicated });
      if (schedule.happens(500, 'both ways', event.id)) system.pushByLongConnection(event);
      if (number % 1000 === 999) await disturb(system, schedule);
    }
    await system.finishPushes();
    await waitUntilFewRemain(system, EVENTS_LEFT_WITHOUT_FAULTS);
    schedule.end();
    const verdict = await judge(system, events);
    schedule.injected.set('batch delivered twice and reversed', repeated());
    report(system, schedule, verdict, actualSeed);
    expect(verdict).toMatchObject({ lost: [], duplicated: [], ranAgain: [] });
    expect(verdict.acknowledged.length).toBeGreaterThan(0.99 * events.length);
    // After five deliveries that a fault ended. Each call can be hit, and repeated deliveries make more of them.
    expect(verdict.dead.length).toBeLessThan(0.02 * events.length);
  });

  it.concurrent('2,000 events of 50 chats are handled in order, none is lost, and no effect is duplicated', async () => {
    await using system = await startSystem({
      ordering: 'conversation',
      workerClockShiftsMilliseconds: CLOCK_SHIFTS_MILLISECONDS,
    });
    const chats = 50;
    const events = numberedEvents(2000, chats);
    const schedule = new Schedule(actualSeed, system, events);
    const last = new Map<number, ReturnType<System['push']>>();
    for (const [number, event] of events.entries()) {
      const isDuplicated = schedule.happens(500, 'duplicated', event.id);
      last.set(number % chats, system.push(event, { isDuplicated, after: last.get(number % chats) }));
    }
    await system.finishPushes();
    await waitUntilFewRemain(system, EVENTS_LEFT_WITHOUT_FAULTS);
    schedule.end();
    const verdict = await judge(system, events);
    report(system, schedule, verdict, actualSeed);
    expect(verdict).toMatchObject({ lost: [], duplicated: [], ranAgain: [] });
    const numberOf = new Map(events.map(({ id }, number) => [id, number]));
    const visible = Map.groupBy(
      system.api.visible.map((id) => numberOf.get(id) ?? -1),
      (number) => number % chats,
    );
    for (const numbers of visible.values()) expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(visible.size).toBe(chats);
  });
});

/** Creates events of alternating chats. The ids are fixed, so that a seed always injects the same faults. */
function numberedEvents(count: number, chats: number): PlatformEvent[] {
  return Array.from({ length: count }, (_, number) => messageEvent(`oc_${number % chats}`, `om_${number}x`));
}

/** Injects faults into whole processes and connections. */
async function disturb({ webhook, sqs, platform }: System, schedule: Schedule): Promise<void> {
  schedule.count('long connection cut');
  platform.gateway.open[0]?.hangUp();
  schedule.count('webhook frozen, connections to SQS cut');
  webhook.signal('SIGSTOP');
  sqs.cutAll();
  await sleep(200);
  webhook.signal('SIGCONT');
  while (platform.gateway.open.length === 0) await sleep(5);
}

function slowestAcknowledgementMs({ platform }: System): number {
  return Math.max(...platform.deliveries.map(({ acknowledgedInMs = 0 }) => acknowledgedInMs));
}

/** Prints the figures of docs/reliability.md. */
function report(system: System, { injected }: Schedule, verdict: Verdict, usedSeed: string): void {
  const { deliveries } = system.platform;
  const sum = (numbers: Iterable<number>) => [...numbers].reduce((total, number) => total + number, 0);
  const faults = [...injected].toSorted().map(([kind, count]) => `  ${String(count).padStart(5)} ${kind}`);
  console.log(
    [
      `seed ${usedSeed}`,
      `${new Set(deliveries.map(({ event }) => event.id)).size} events, ${verdict.acknowledged.length} acknowledged`,
      `${sum(deliveries.map(({ pushes }) => pushes))} pushes, ${sum(system.delivered.values())} deliveries to the worker`,
      `${sum(injected.values())} faults injected`,
      ...faults,
      `  ${String(system.worker.timedOut).padStart(5)} invocations timed out`,
      `${verdict.dead.length} in the dead-letter queue, ${verdict.deadThoughHandled.length} of them handled`,
      `${system.api.repeated} repeated calls ignored because of their uuid`,
      `${Math.round(slowestAcknowledgementMs(system))} ms for the slowest acknowledgement`,
      `${sum(system.runs.values())} handler runs, ${verdict.ranAgain.length} of them after the event was completed`,
      `${verdict.lost.length} lost, ${verdict.duplicated.length} duplicated effects`,
    ].join('\n'),
  );
}
