import { globSync, readFileSync } from 'node:fs';

// What the Vitest configurations share.

/** Only stops a test that hangs. No test may depend on how fast the machine is. */
const HANGING_AFTER_MILLISECONDS = 1_800_000;

export const PATIENT = { testTimeout: HANGING_AFTER_MILLISECONDS, hookTimeout: HANGING_AFTER_MILLISECONDS };

/** The seed of property tests wherever a change must not be rejected by chance. */
export const FIXED_SEED = 1;

export const GLOBAL_SETUP = 'test/support/compile-cache.ts';

export const SETUP_FILES = ['test/support/output-guard.ts', 'test/support/property-tests.ts'];

const filesMatching = (pattern: RegExp) =>
  globSync('test/**/*.test.ts', { exclude: ['**/node_modules'] }).filter((file) =>
    pattern.test(readFileSync(file, 'utf8')),
  );

/** Returns the files with property tests. */
export function propertyTestFiles(): string[] {
  return filesMatching(/from 'fast-check'/);
}

/** Returns the files whose tests do more in `npm run test:long` than in `npm test`. */
export function variableVolumeTestFiles(): string[] {
  return filesMatching(/from 'fast-check'|from '[./]+support\/volume\.ts'/);
}
