import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CallSchedule, reserveTime, type WaitingCall } from '../../lib/api-client/call-schedule.ts';
import { runs } from '../support/volume.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const FAR = NOW + 3_600_000;
const callOf = (fields: Partial<WaitingCall> = {}): WaitingCall => ({
  api: 'POST /replies',
  recipient: undefined,
  earliest: NOW,
  latest: FAR,
  ...fields,
});
const emptySchedule = (): CallSchedule => ({ apis: {}, recipients: {} });

/** Returns the largest number of times in any period. */
function mostWithin(times: number[], milliseconds: number): number {
  const sorted = times.toSorted((one, other) => one - other);
  let start = 0;
  return Math.max(
    0,
    ...sorted.map((time, end) => {
      while (time - (sorted[start] as number) >= milliseconds) start += 1;
      return end - start + 1;
    }),
  );
}

describe('A call schedule', () => {
  it('keeps any sequence of calls below the platform’s limits', () => {
    const call = fc.record({
      after: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.nat(40_000)),
      recipient: fc.option(fc.constantFrom('chat 1', 'chat 2', 'chat 3'), { nil: undefined }),
      repeated: fc.integer({ min: 1, max: 120 }),
    });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40 }), (calls) => {
        const schedule = emptySchedule();
        const reserved: { time: number; recipient: string | undefined }[] = [];
        let now = NOW;
        for (const { after, recipient, repeated } of calls) {
          now += after;
          for (let index = 0; index < repeated; index += 1) {
            const { time } = reserveTime(schedule, callOf({ recipient, earliest: now }), now);
            expect(time).toBeGreaterThanOrEqual(now);
            reserved.push({ time, recipient });
          }
        }
        const times = reserved.map(({ time }) => time);
        expect(mostWithin(times, 1000)).toBeLessThanOrEqual(32);
        expect(mostWithin(times, 60_000)).toBeLessThanOrEqual(1000);
        for (const [recipient, messages] of Map.groupBy(reserved, (one) => one.recipient)) {
          if (recipient === undefined) continue;
          expect(
            mostWithin(
              messages.map(({ time }) => time),
              1000,
            ),
          ).toBeLessThanOrEqual(4);
        }
      }),
      { numRuns: runs(200) },
    );
  });

  it('uses the limits: 1,000 calls take 32 s, and 2,000 take 32 s more after a minute', () => {
    const schedule = emptySchedule();
    const times = Array.from({ length: 2000 }, () => reserveTime(schedule, callOf(), NOW).time - NOW);
    expect(times[999]).toBeLessThanOrEqual(32_000);
    expect(times[1000]).toBeGreaterThanOrEqual(60_000);
    expect(times[1999]).toBeLessThanOrEqual(94_000);
  });

  it('does not let a busy chat delay the others', () => {
    const schedule = emptySchedule();
    for (let index = 0; index < 100; index += 1) reserveTime(schedule, callOf({ recipient: 'busy' }), NOW);
    expect(reserveTime(schedule, callOf({ recipient: 'quiet' }), NOW).time - NOW).toBeLessThan(100);
    expect(reserveTime(schedule, callOf({ recipient: 'busy' }), NOW).time - NOW).toBeGreaterThanOrEqual(25_000);
  });

  it('counts APIs separately, and the messages to a chat together', () => {
    const schedule = emptySchedule();
    for (let index = 0; index < 1000; index += 1) reserveTime(schedule, callOf(), NOW);
    const first = reserveTime(schedule, callOf({ api: 'POST /messages', recipient: 'chat' }), NOW);
    expect(first.time - NOW).toBeLessThan(100);
    const second = reserveTime(schedule, callOf({ api: 'POST /forwards', recipient: 'chat' }), NOW);
    expect(second.time - first.time).toBeGreaterThanOrEqual(250);
  });

  it('reserves nothing for a call that cannot be made in time', () => {
    const schedule = emptySchedule();
    for (let index = 0; index < 10; index += 1) reserveTime(schedule, callOf({ recipient: 'chat' }), NOW);
    const before = JSON.stringify(schedule);
    const { time, isChanged } = reserveTime(schedule, callOf({ recipient: 'chat', latest: NOW + 1000 }), NOW);
    expect(time).toBeGreaterThan(NOW + 1000);
    expect(isChanged).toBe(false);
    expect(JSON.stringify(schedule)).toBe(before);
  });

  it('holds back all calls of an API that the platform rejects, even if the rejected one cannot be repeated in time', () => {
    const schedule = emptySchedule();
    const rejected = callOf({ rejection: 'api', earliest: NOW + 90_000, latest: NOW + 1000 });
    expect(reserveTime(schedule, rejected, NOW)).toEqual({ time: expect.any(Number), isChanged: true });
    expect(reserveTime(schedule, callOf(), NOW).time).toBeGreaterThanOrEqual(NOW + 90_000);
    expect(reserveTime(schedule, callOf({ api: 'POST /messages' }), NOW).time).toBeLessThan(NOW + 1000);
    // The next rejection says the same.
    expect(reserveTime(schedule, { ...rejected, earliest: NOW + 91_000 }, NOW).isChanged).toBe(false);
  });

  it('does not count a rejected call twice in the minute', () => {
    const schedule = emptySchedule();
    for (let index = 0; index < 999; index += 1) reserveTime(schedule, callOf(), NOW);
    reserveTime(schedule, callOf({ rejection: 'recipient', recipient: 'chat' }), NOW);
    expect(reserveTime(schedule, callOf(), NOW).time - NOW).toBeLessThan(35_000);
  });

  it('forgets what has passed', () => {
    const schedule = emptySchedule();
    for (let index = 0; index < 100; index += 1) reserveTime(schedule, callOf({ recipient: `chat ${index}` }), NOW);
    reserveTime(schedule, callOf({ api: 'POST /messages', earliest: NOW + 120_000 }), NOW + 120_000);
    expect(Object.keys(schedule.apis)).toEqual(['POST /messages']);
    expect(schedule.recipients).toEqual({});
  });
});
