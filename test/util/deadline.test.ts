import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { NO_DEADLINES, startDeadline } from '../../lib/util/deadline.ts';

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

it('aborts after its time, and says how long that was', () => {
  using deadline = startDeadline(500.4);
  vi.advanceTimersByTime(499);
  expect(deadline.signal.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(deadline.signal.reason).toMatchObject({ name: 'TimeoutError', message: 'Timed out after 500 ms' });
});

it('aborts at once if its time has passed', () => {
  using deadline = startDeadline(-1);
  vi.advanceTimersByTime(0);
  expect(deadline.signal.reason).toMatchObject({ message: 'Timed out after 0 ms' });
});

it('does not abort, or keep the process alive, once it is disposed of', () => {
  const { signal, [Symbol.dispose]: dispose } = startDeadline(500);
  dispose();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(500);
  expect(signal.aborted).toBe(false);
});

it('aborts after a day under a debugger, which can pause the process before any other time', () => {
  for (const [name, value] of Object.entries(NO_DEADLINES)) vi.stubEnv(name, value);
  using passed = startDeadline(-1);
  using deadline = startDeadline(500);
  vi.advanceTimersByTime(DAY_MILLISECONDS - 1);
  expect([passed, deadline].map(({ signal }) => signal.aborted)).toEqual([false, false]);
  vi.advanceTimersByTime(1);
  expect([passed, deadline].map(({ signal }) => signal.aborted)).toEqual([true, true]);
});
