import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Heartbeat } from '../../../lib/feishu/long-connection/heartbeat.ts';

const ping = vi.fn();
const died = vi.fn();

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.resetAllMocks();
});

test('it pings at once, and then every interval', () => {
  const heartbeat = new Heartbeat(ping, died, 120_000, 15_000);
  ping.mockImplementation(() => setTimeout(() => heartbeat.pong(120_000), 10));
  heartbeat.start();
  expect(ping).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(600_000);
  expect(ping).toHaveBeenCalledTimes(6);
  expect(died).not.toHaveBeenCalled();
});

test.each([120_000, 1_000])('one ping without a pong is death, with an interval of %i ms', (intervalMs) => {
  const heartbeat = new Heartbeat(ping, died, intervalMs, 15_000);
  heartbeat.start();
  heartbeat.pong(intervalMs);
  vi.advanceTimersByTime(intervalMs + 14_999);
  expect(died).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(died).toHaveBeenCalledTimes(1);
});

test('a new interval counts from the pong that brings it', () => {
  const heartbeat = new Heartbeat(ping, died, 120_000, 15_000);
  heartbeat.start();
  vi.advanceTimersByTime(1_000);
  heartbeat.pong(30_000);
  vi.advanceTimersByTime(29_999);
  expect(ping).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1);
  expect(ping).toHaveBeenCalledTimes(2);
});

test('stopped, it leaves no timer behind', () => {
  const heartbeat = new Heartbeat(ping, died, 120_000, 15_000);
  heartbeat.start();
  heartbeat.stop();
  expect(vi.getTimerCount()).toBe(0);
});

test('it pings again after each interval, although no pong comes', () => {
  const heartbeat = new Heartbeat(ping, died, 1_000, 15_000);
  heartbeat.start();
  vi.advanceTimersByTime(14_999);
  expect(ping).toHaveBeenCalledTimes(15);
  expect(died).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(died).toHaveBeenCalledTimes(1);
});

test('a pong with the same interval leaves the next ping where it was', () => {
  const heartbeat = new Heartbeat(ping, died, 10_000, 15_000);
  heartbeat.start();
  vi.advanceTimersByTime(9_000);
  heartbeat.pong(10_000);
  vi.advanceTimersByTime(1_000);
  expect(ping).toHaveBeenCalledTimes(2);
});

test('stopped after a pong, it pings no more', () => {
  const heartbeat = new Heartbeat(ping, died, 1_000, 15_000);
  heartbeat.start();
  heartbeat.pong(2_000);
  heartbeat.stop();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(60_000);
  expect(ping).toHaveBeenCalledTimes(1);
});
