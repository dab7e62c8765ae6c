import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoff } from '../../../lib/feishu/long-connection/backoff.ts';

test('the maximum delay doubles with each failure, up to the limit', () => {
  const longest = [1, 2, 3, 4, 5, 6, 7].map((failures) => backoff(failures, 1_000, 20_000, 1));
  expect(longest).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]);
});

test('the jitter is full: from zero to the maximum delay', () => {
  expect([0, 0.25, 0.5, 1].map((random) => backoff(3, 1_000, 20_000, random))).toEqual([0, 1_000, 2_000, 4_000]);
});

test('the delay is within its limits after any number of failures', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
      const waitMs = backoff(failures, 1_000, 120_000, random);
      return waitMs >= 0 && waitMs <= 120_000;
    }),
  );
});
