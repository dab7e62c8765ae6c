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

test('of 3,000 events at once 200 are received at a time, in their order, and all are acknowledged', async () => {
  const order: string[] = [];
  let receiving = 0;
  let most = 0;
  const receive = async (text: string) => {
    order.push(text);
    most = Math.max(most, ++receiving);
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
  expect(most).toBe(200);
  expect(order).toEqual(texts);
  expect(codes).toEqual(texts.map(() => 200));
  expect(deliveries.inFlight).toBe(0);
});

test('receivers that never end hold the others up no longer than the time limit, and what is late by then is not begun', async () => {
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

test('64 MiB of events are in flight at most: what comes beyond that is refused at once', async () => {
  const codes: number[] = [];
  const receive = vi.fn(async () => undefined);
  const deliveries = new Deliveries(receive, (_, code) => codes.push(code), TIMING.acknowledgeWithinMs, SILENT);
  const large = Buffer.alloc(16 * 1024 * 1024, ' ');
  for (let index = 0; index < 6; index++) deliveries.accept(FRAME, large, () => true);
  expect(codes).toEqual([500, 500]);
  await deliveries.drain();
  expect(receive).toHaveBeenCalledTimes(4);
  // What is acknowledged has made room.
  deliveries.accept(FRAME, large, () => true);
  await deliveries.drain();
  expect(codes.at(-1)).toBe(200);
});

test('what comes while far too many are in flight is refused at once', async () => {
  const codes: number[] = [];
  const receive = vi.fn(async () => undefined);
  const deliveries = new Deliveries(receive, (_, code) => codes.push(code), TIMING.acknowledgeWithinMs, SILENT);
  for (let index = 0; index < 3_100; index++) deliveries.accept(FRAME, Buffer.from('{}'), () => true);
  expect(codes).toEqual(Array(100).fill(500));
  await deliveries.drain();
  expect(receive).toHaveBeenCalledTimes(3_000);
});
