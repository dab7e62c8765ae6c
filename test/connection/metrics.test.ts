import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ConnectionMetrics } from '../../lib/connection/metrics.ts';
import type { LongConnection, LongConnectionStatus } from '../../lib/feishu/long-connection/reconnector.ts';
import { CONNECTED } from '../support/connection-status.ts';
import { writtenLines } from '../support/written-output.ts';

const MINUTE = 60_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Creates a connection whose state the test controls. */
function connectionWith(current: Partial<LongConnectionStatus>): LongConnection {
  return { ended: Promise.resolve(), status: () => ({ ...CONNECTED, ...current }) };
}

const valuesOf = (metric: string) =>
  writtenLines()
    .map((line) => JSON.parse(line))
    .filter((line) => metric in line)
    .map((line) => line[metric]);

test('Reconnects is counted since the previous line, not since the start', () => {
  const current = { reconnects: 2 };
  const observation = new ConnectionMetrics().observe(connectionWith(current));
  vi.advanceTimersByTime(MINUTE);
  vi.advanceTimersByTime(MINUTE);
  current.reconnects = 5;
  vi.advanceTimersByTime(MINUTE);
  current.reconnects = 6;
  observation[Symbol.dispose]();
  expect(valuesOf('Reconnects')).toEqual([2, 0, 3, 1]);
});

test('the state is written every minute until the observation is disposed of', () => {
  const current: Partial<LongConnectionStatus> = { inFlight: 3 };
  const observation = new ConnectionMetrics().observe(connectionWith(current));
  vi.advanceTimersByTime(MINUTE);
  current.state = 'waiting';
  vi.advanceTimersByTime(MINUTE);
  observation[Symbol.dispose]();
  vi.advanceTimersByTime(10 * MINUTE);
  expect(valuesOf('ConnectionUp')).toEqual([1, 0, 0]);
  expect(valuesOf('InFlight')).toEqual([3, 3, 3]);
});

test('each acknowledge time is written once, at most 100 per line', () => {
  const metrics = new ConnectionMetrics();
  const observation = metrics.observe(connectionWith({}));
  for (let milliseconds = 0; milliseconds < 150; milliseconds++) metrics.acknowledged(milliseconds + 0.4);
  observation[Symbol.dispose]();
  const times: number[][] = valuesOf('AcknowledgeTime');
  expect(times.map(({ length }) => length)).toEqual([100, 50]);
  expect(times.flat()).toEqual(Array.from({ length: 150 }, (_, index) => index));
});

test('the metrics have the service as their dimension', () => {
  new ConnectionMetrics('my-service').observe(connectionWith({}))[Symbol.dispose]();
  expect(JSON.parse(writtenLines()[0] ?? '')).toMatchObject({
    service: 'my-service',
    _aws: { CloudWatchMetrics: [{ Namespace: 'feishu-events', Dimensions: [['service']] }] },
  });
});
