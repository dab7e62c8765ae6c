import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Deliveries } from '../../../lib/feishu/long-connection/deliveries.ts';
import type { Frame } from '../../../lib/feishu/long-connection/frame.ts';
import { TIMING } from '../../../lib/feishu/long-connection/timing.ts';

const FRAME: Frame = { sequenceId: 1n, logId: 2n, service: 3, method: 1, headers: [] };
const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('an event is acknowledged within 2.5 s, even if its receiver never settles', async () => {
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

test('an event that is received in time leaves no timer', async () => {
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

test('an acknowledgement that cannot be sent is not counted', async () => {
  const acknowledged = vi.fn();
  const deliveries = new Deliveries(async () => undefined, acknowledged, TIMING.acknowledgeWithinMs, SILENT);
  deliveries.accept(FRAME, Buffer.from('{}'), () => false);
  await deliveries.drain();
  expect(acknowledged).not.toHaveBeenCalled();
});

test('an error in the callback does not affect acknowledgements', async () => {
  const sent = vi.fn(() => true);
  const fail = () => {
    throw new Error('the metrics are down');
  };
  const deliveries = new Deliveries(async () => undefined, fail, TIMING.acknowledgeWithinMs, SILENT);
  deliveries.accept(FRAME, Buffer.from('{}'), sent);
  await deliveries.drain();
  expect(sent).toHaveBeenCalledTimes(1);
});

test('3,000 simultaneous events are received in order, 200 at a time, and all are acknowledged', async () => {
  const order: string[] = [];
  let receiving = 0;
  let maximum = 0;
  const receive = async (text: string) => {
    order.push(text);
    maximum = Math.max(maximum, ++receiving);
    await new Promise((resolve) => setTimeout(resolve, 10));
    receiving--;
    return undefined;
  };
  const codes: number[] = [];
  const deliveries = new Deliveries(receive, (_, code) => codes.push(code), TIMING.acknowledgeWithinMs, SILENT);
  const texts = Array.from({ length: 3_000 }, (_, index) => `{"index":${index}}`);
  for (const text of texts) deliveries.accept(FRAME, Buffer.from(text), () => true);
  expect(deliveries.inFlight).toBe(3_000);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(maximum).toBe(200);
  expect(order).toEqual(texts);
  expect(codes).toEqual(texts.map(() => 200));
  expect(deliveries.inFlight).toBe(0);
});

test('receivers that never settle delay others only up to the time limit, and late events are not started', async () => {
  let isStuck = true;
  const receive = vi.fn(() => (isStuck ? new Promise<undefined>(() => {}) : Promise.resolve(undefined)));
  const codes: number[] = [];
  const deliveries = new Deliveries(receive, (_, code) => codes.push(code), TIMING.acknowledgeWithinMs, SILENT);
  for (let index = 0; index < 300; index++) deliveries.accept(FRAME, Buffer.from('{}'), () => true);
  await vi.advanceTimersByTimeAsync(TIMING.acknowledgeWithinMs);
  expect(codes).toEqual(Array(300).fill(500));
  expect(receive).toHaveBeenCalledTimes(200);
  isStuck = false;
  deliveries.accept(FRAME, Buffer.from('{}'), () => true);
  await deliveries.drain();
  expect(codes.at(-1)).toBe(200);
});

test('events beyond 64 MiB in flight are rejected immediately', async () => {
  const codes: number[] = [];
  const receive = vi.fn(async () => undefined);
  const deliveries = new Deliveries(receive, (_, code) => codes.push(code), TIMING.acknowledgeWithinMs, SILENT);
  const large = Buffer.alloc(16 * 1024 * 1024, ' ');
  for (let index = 0; index < 6; index++) deliveries.accept(FRAME, large, () => true);
  expect(codes).toEqual([500, 500]);
  await deliveries.drain();
  expect(receive).toHaveBeenCalledTimes(4);
  // Acknowledged events no longer count.
  deliveries.accept(FRAME, large, () => true);
  await deliveries.drain();
  expect(codes.at(-1)).toBe(200);
});

test('events beyond 3,000 in flight are rejected immediately', async () => {
  const codes: number[] = [];
  const receive = vi.fn(async () => undefined);
  const deliveries = new Deliveries(receive, (_, code) => codes.push(code), TIMING.acknowledgeWithinMs, SILENT);
  for (let index = 0; index < 3_100; index++) deliveries.accept(FRAME, Buffer.from('{}'), () => true);
  expect(codes).toEqual(Array(100).fill(500));
  await deliveries.drain();
  expect(receive).toHaveBeenCalledTimes(3_000);
});
