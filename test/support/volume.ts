import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    volume: 'small' | 'full';
    /** The seed of all property tests. */
    propertySeed: number;
  }
}

const MINIMUM_RUNS = 100;
const FULL_RUNS_PER_SMALL_RUN = 20;

/**
 * Returns `small` in `npm test` and `full` in `npm run test:long`, which runs every test file that imports this module a
 * second time.
 */
export function volume<T>(amounts: { small: T; full: T }): T {
  return amounts[inject('volume')];
}

/** Returns the number of runs of a property test: `full` in `npm run test:long`, fewer in `npm test`. */
export function runs(full: number): number {
  const small = Math.max(MINIMUM_RUNS, Math.round(full / FULL_RUNS_PER_SMALL_RUN));
  return volume({ small: Math.min(small, full), full });
}
