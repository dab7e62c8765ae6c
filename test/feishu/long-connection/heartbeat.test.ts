import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Heartbeat } from '../../../lib/feishu/long-connection/heartbeat.ts';

const ping = vi.fn();
const onTimeout = vi.fn();

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.resetAllMocks();
});

test('pings are sent at the start and then at each interval', () => {
  const heartbeat = new Heartbeat(ping, onTimeout, 120_000, 15_000);
  ping.mockImplementation(() => setTimeout(() => heartbeat.pong(120_000), 10));
  heartbeat.start();
  expect(ping).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(600_000);
  expect(ping).toHaveBeenCalledTimes(6);
  expect(onTimeout).not.toHaveBeenCalled();
});

test.each([120_000, 1_000])('one ping without a pong is a timeout, with an interval of %i ms', (intervalMs) => {
  const heartbeat = new Heartbeat(ping, onTimeout, intervalMs, 15_000);
  heartbeat.start();
  heartbeat.pong(intervalMs);
  vi.advanceTimersByTime(intervalMs + 14_999);
  expect(onTimeout).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(onTimeout).toHaveBeenCalledTimes(1);
});

test('a new interval starts at the pong that sets it', () => {
  const heartbeat = new Heartbeat(ping, onTimeout, 120_000, 15_000);
  heartbeat.start();
  vi.advanceTimersByTime(1_000);
  heartbeat.pong(30_000);
  vi.advanceTimersByTime(29_999);
  expect(ping).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1);
  expect(ping).toHaveBeenCalledTimes(2);
});

test('stopping clears all timers', () => {
  const heartbeat = new Heartbeat(ping, onTimeout, 120_000, 15_000);
  heartbeat.start();
  heartbeat.stop();
  expect(vi.getTimerCount()).toBe(0);
});

test('pings continue at each interval without a pong', () => {
  const heartbeat = new Heartbeat(ping, onTimeout, 1_000, 15_000);
  heartbeat.start();
  vi.advanceTimersByTime(14_999);
  expect(ping).toHaveBeenCalledTimes(15);
  expect(onTimeout).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(onTimeout).toHaveBeenCalledTimes(1);
});

test('a pong with the same interval does not postpone the next ping', () => {
  const heartbeat = new Heartbeat(ping, onTimeout, 10_000, 15_000);
  heartbeat.start();
  vi.advanceTimersByTime(9_000);
  heartbeat.pong(10_000);
  vi.advanceTimersByTime(1_000);
  expect(ping).toHaveBeenCalledTimes(2);
});

test('no pings are sent after stopping', () => {
  const heartbeat = new Heartbeat(ping, onTimeout, 1_000, 15_000);
  heartbeat.start();
  heartbeat.pong(2_000);
  heartbeat.stop();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(60_000);
  expect(ping).toHaveBeenCalledTimes(1);
});
