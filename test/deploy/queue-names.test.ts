import { expect, test } from 'vitest';
import { freeAt } from '../../lib/deploy/queue-names.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const WEEK = 7 * 24 * 3600 * 1000;

test.each([
  ['the date of the deletion', 0],
  ['the end of the recovery window', WEEK],
])("SQS accepts a queue's name 60 s after the secret was deleted, if AWS reports %s", (_, offset) => {
  expect(freeAt(new Date(NOW - 20_000 + offset), NOW)).toBe(NOW + 40_000);
  expect(freeAt(new Date(NOW - 3_600_000 + offset), NOW)).toBeLessThan(NOW);
});
