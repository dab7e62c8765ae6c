import { globSync, readFileSync } from 'node:fs';

// Settings shared by the Vitest configurations.

/** Only ends a test that hangs: no test may depend on how fast the machine is. */
const HANG_TIMEOUT_MILLISECONDS = 1_800_000;

export const HANG_TIMEOUTS = { testTimeout: HANG_TIMEOUT_MILLISECONDS, hookTimeout: HANG_TIMEOUT_MILLISECONDS };

/** The seed of property tests in runs that must not reject a change by chance. */
export const FIXED_SEED = 1;

export const GLOBAL_SETUP = 'test/support/global-setup.ts';

export const SETUP_FILES = [
  'test/support/output-guard.ts',
  'test/support/property-tests.ts',
  'test/support/restore-process.ts',
];

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

/**
 * Returns the files that cannot share modules with others: they replace modules, compare 64-bit integers of frames, which
 * the official SDK turns off in protobufjs, or are the user's or an example's.
 */
export function isolatedTestFiles(): string[] {
  const handlerTests = ['test/handlers/**/*.test.ts', 'examples/*/tests/**/*.test.ts'];
  return [...filesMatching(/vi\.mock\(|(?:mock-platform|\.)\/wire\.ts'/), ...handlerTests];
}
