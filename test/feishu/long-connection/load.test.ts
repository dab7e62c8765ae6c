import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FakeClock } from '../../fake-platform/clock.ts';
import type { FakePlatform } from '../../fake-platform/platform.ts';
import { connectClient, event, startPlatform } from './harness.ts';

const EVENTS = 10_000;
const IN_FLIGHT = 200;
const PUSHES_BETWEEN_HANG_UPS = 500;
const RETRY_TIMES_MS = [15_000, 315_000, 3_915_000, 25_515_000];

test('10,000 events, 200 in flight, and hang-ups all the time: none is lost', { timeout: 60_000 }, async () => {
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
  await pump(platform, true, () => pushed < EVENTS && platform.push(event(`e${pushed++}`)) !== undefined);
  expect(platform.deliveries.some(({ state }) => state === 'waiting')).toBe(true);
  for (const retryTimeMs of RETRY_TIMES_MS) {
    // The last time nothing goes wrong: what fails five times is lost by the platform, whatever the client does.
    isCalm = retryTimeMs === RETRY_TIMES_MS.at(-1);
    await pump(platform, !isCalm, () => clock.advanceToNext(retryTimeMs));
  }

  expect(client.status().reconnects).toBeGreaterThanOrEqual(EVENTS / PUSHES_BETWEEN_HANG_UPS);
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

/** Pushes as long as there is something to push, at most 200 at a time, and hangs up now and then. */
async function pump(platform: FakePlatform, isStormy: boolean, pushNext: () => boolean): Promise<void> {
  for (let pushes = 1; ; pushes++) {
    while (platform.gateway.open.length === 0 || platform.inFlight >= IN_FLIGHT) await setImmediate();
    if (!pushNext()) break;
    if (isStormy && pushes % PUSHES_BETWEEN_HANG_UPS === 0) platform.gateway.open[0]?.hangUp();
  }
  while (platform.inFlight > 0) await setImmediate();
}
