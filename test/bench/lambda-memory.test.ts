import { expect, test } from 'vitest';
import { cpuShareOf, durationCostOfMillion } from './lambda-memory.ts';

test.each([
  [128, 0.072],
  [512, 0.289],
  [1769, 1],
])('with %i MB, an invocation has %f of a vCPU', (memoryMegabytes, share) => {
  expect(cpuShareOf(memoryMegabytes)).toBeCloseTo(share, 3);
});

test('the time of a million events costs as much as in docs/cost.md', () => {
  const webhook = durationCostOfMillion(512, [20]);
  const worker = durationCostOfMillion(512, [100]);
  expect([webhook.toFixed(2), worker.toFixed(2)]).toEqual(['0.13', '0.67']);
});

test('the duration of each invocation is rounded up to a millisecond', () => {
  expect(durationCostOfMillion(512, [3.1, 5.2])).toBe(durationCostOfMillion(512, [10]));
  expect(durationCostOfMillion(512, [10])).toBe(durationCostOfMillion(1024, [5]));
});
