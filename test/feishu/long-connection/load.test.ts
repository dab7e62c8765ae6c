import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FakeClock } from '../../mock-platform/clock.ts';
import { pushInStorm } from '../../mock-platform/storm.ts';
import { volume } from '../../support/volume.ts';
import { connectClient, event, startPlatform } from './harness.ts';

const EVENTS = volume({ small: 500, full: 10_000 });
const STORM = volume({
  small: { inFlight: 50, pushesBetweenHangUps: 100 },
  full: { inFlight: 200, pushesBetweenHangUps: 500 },
});
const CALM = { ...STORM, pushesBetweenHangUps: Infinity };
const RETRY_TIMES_MS = [15_000, 315_000, 3_915_000, 25_515_000];

test(`no event is lost: ${EVENTS} events, ${STORM.inFlight} in flight, with constant hang-ups`, async () => {
  const clock = new FakeClock();
  const platform = await startPlatform(clock);
  const queue = new Map<string, { times: number; firstAt: number }>();
  let isCalm = false;
  const { client } = await connectClient(platform, {
    receive: async (text) => {
      await sleep(Math.random() * 10);
      if (!isCalm && Math.random() < 0.01) throw new Error('the queue is down');
      const { event_id: id } = JSON.parse(text).header;
      const known = queue.get(id);
      queue.set(id, { times: (known?.times ?? 0) + 1, firstAt: known?.firstAt ?? performance.now() });
      return undefined;
    },
  });

  let pushed = 0;
  await pushInStorm(platform, () => pushed < EVENTS && platform.push(event(`e${pushed++}`)) !== undefined, STORM);
  expect(platform.deliveries.some(({ state }) => state === 'waiting')).toBe(true);
  for (const retryTimeMs of RETRY_TIMES_MS) {
    // The last attempt always succeeds: the platform gives up on an event after five failures.
    isCalm = retryTimeMs === RETRY_TIMES_MS.at(-1);
    await pushInStorm(platform, () => clock.advanceToNext(retryTimeMs), isCalm ? CALM : STORM);
  }

  expect(client.status().reconnects).toBeGreaterThanOrEqual(EVENTS / STORM.pushesBetweenHangUps);
  expect(platform.deliveries.filter(({ state }) => state !== 'acknowledged')).toEqual([]);
  expect(queue.size).toBe(EVENTS);
  const acknowledgedTooEarly = platform.deliveries.filter(
    (delivery) => (queue.get(delivery.event.id)?.firstAt ?? Infinity) > (delivery.acknowledgedAt ?? 0),
  );
  expect(acknowledgedTooEarly).toEqual([]);
  const queuedTooOften = platform.deliveries.filter(
    (delivery) => (queue.get(delivery.event.id)?.times ?? 0) > delivery.pushes,
  );
  expect(queuedTooOften).toEqual([]);
  expect(client.status().inFlight).toBe(0);
});
