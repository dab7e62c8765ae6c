import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Deliveries } from '../../../lib/feishu/long-connection/deliveries.ts';
import type { Frame } from '../../../lib/feishu/long-connection/frame.ts';
import { TIMING } from '../../../lib/feishu/long-connection/timing.ts';

const FRAME: Frame = { sequenceId: 1n, logId: 2n, service: 3, method: 1, headers: [] };
const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('within 2.5 s an event is acknowledged, whatever its receiver does', async () => {
  const acknowledgements: Frame[] = [];
  const deliveries = new Deliveries(
    () => new Promise(() => {}),
    () => {},
    TIMING.acknowledgeWithinMs,
    SILENT,
  );
  deliveries.accept(FRAME, Buffer.from('{}'), (frame) => acknowledgements.push(frame) > 0);
  await vi.advanceTimersByTimeAsync(2_499);
  expect(acknowledgements.map(({ payload }) => String(payload))).toEqual(['{"code":500}']);
  await deliveries.drain();
});

test('an event that is received in time leaves no timer behind', async () => {
  const deliveries = new Deliveries(
    async () => undefined,
    () => {},
    TIMING.acknowledgeWithinMs,
    SILENT,
  );
  deliveries.accept(FRAME, Buffer.from('{}'), () => true);
  await deliveries.drain();
  expect(vi.getTimerCount()).toBe(0);
  expect(deliveries.inFlight).toBe(0);
});

test('an acknowledgement that cannot leave is not counted', async () => {
  const acknowledged = vi.fn();
  const deliveries = new Deliveries(async () => undefined, acknowledged, TIMING.acknowledgeWithinMs, SILENT);
  deliveries.accept(FRAME, Buffer.from('{}'), () => false);
  await deliveries.drain();
  expect(acknowledged).not.toHaveBeenCalled();
});

test('whoever counts acknowledgements cannot disturb them', async () => {
  const sent = vi.fn(() => true);
  const fail = () => {
    throw new Error('the metrics are down');
  };
  const deliveries = new Deliveries(async () => undefined, fail, TIMING.acknowledgeWithinMs, SILENT);
  deliveries.accept(FRAME, Buffer.from('{}'), sent);
  await deliveries.drain();
  expect(sent).toHaveBeenCalledTimes(1);
});
