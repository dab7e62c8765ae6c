import { describe, expect, it } from 'vitest';
import { callWithoutWaiting, rateLimitSeconds } from '../../lib/api-client/rate-limits.ts';
import { RetryAfter } from '../../lib/handler.ts';
import { MalformedMessage } from '../../lib/queue/malformed-message.ts';
import { LeaseHeld } from '../../lib/store/idempotency.ts';
import { createLogCapture } from '../../lib/testing/captured-log.ts';
import { MAXIMUM_DELIVERIES, retryDelaySeconds, returnDelaySeconds } from '../../lib/worker/retry.ts';

const failure = new Error('failed');

describe('The delay before a retry', () => {
  it.each([
    [1, 1, 1],
    [2, 4, 8],
    [3, 32, 64],
    [4, 256, 512],
  ])('after delivery %i is between %i and %i seconds', (attempt, shortest, longest) => {
    expect(retryDelaySeconds(failure, attempt, 0)).toBe(shortest);
    expect(retryDelaySeconds(failure, attempt, 1)).toBe(longest);
    expect(retryDelaySeconds(failure, attempt)).toBeGreaterThanOrEqual(shortest);
    expect(retryDelaySeconds(failure, attempt)).toBeLessThanOrEqual(longest);
  });

  it('is in whole seconds, rounded up', () => {
    expect(retryDelaySeconds(failure, 2, 0.01)).toBe(5);
    expect(retryDelaySeconds(failure, 2, 0.5)).toBe(6);
  });

  it('is none after the last delivery, so that the message becomes a dead letter at once', () => {
    expect(retryDelaySeconds(failure, MAXIMUM_DELIVERIES, 1)).toBe(0);
    expect(retryDelaySeconds(new RetryAfter(60, 'later'), MAXIMUM_DELIVERIES)).toBe(0);
    expect(retryDelaySeconds(failure, MAXIMUM_DELIVERIES + 1, 1)).toBe(0);
  });

  it('is none for a malformed message', () => {
    expect(retryDelaySeconds(new MalformedMessage('not an event'), 4, 1)).toBe(0);
  });

  it('is the one that the handler asked for', () => {
    expect(retryDelaySeconds(new RetryAfter(1234, 'later'), 1)).toBe(1234);
  });

  it('is the time until the platform accepts a call that exceeded a rate limit', async () => {
    const limited = callWithoutWaiting(async () => ({ code: 99991400, msg: 'too many' }), createLogCapture().log);
    const error = await limited.catch((reason: unknown) => reason);
    const seconds = rateLimitSeconds(error) as number;
    expect(seconds).toBeLessThan(256);
    expect(retryDelaySeconds(error, 4)).toBeLessThanOrEqual(seconds);
    expect(retryDelaySeconds(error, 4)).toBeGreaterThan(0);
  });

  it('ends with the lease that another worker holds, if that is earlier', () => {
    expect(retryDelaySeconds(new LeaseHeld(20_000), 4, 0)).toBe(20);
    expect(retryDelaySeconds(new LeaseHeld(600_000), 4, 1)).toBe(512);
  });
});

it('An event that is returned again and again waits longer, and never less than the platform says', () => {
  const delaysAt = (random: number) => [0, 1, 5, 20].map((returns) => returnDelaySeconds(90, returns, random));
  expect(delaysAt(0)).toEqual([90, 90, 90, 90]);
  expect(delaysAt(1)).toEqual([90, 91, 121, 3690]);
  expect(returnDelaySeconds(42_300, 20, 1)).toBe(42_300);
  expect(returnDelaySeconds(90, 1)).toBeLessThanOrEqual(91);
});
