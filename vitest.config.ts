import './lib/tools/node-version.cjs';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Against hanging only: a property test of 10,000 runs takes seconds on a busy machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The functions log to the console.
    silent: 'passed-only',
    // Many tests wait, for a queue or a process: more of them than processors can do so at a time.
    maxWorkers: 3,
    setupFiles: ['test/support/output-guard.ts'],
  },
});
