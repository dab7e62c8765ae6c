import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Against hanging only: a property test of 10,000 runs takes seconds on a busy machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The functions log to the console.
    silent: 'passed-only',
    setupFiles: ['test/support/output-guard.ts'],
  },
});
