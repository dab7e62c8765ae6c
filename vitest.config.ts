import './lib/cli/node-version.cjs';
import { defineConfig } from 'vitest/config';
import { FIXED_SEED, GLOBAL_SETUP, HANG_TIMEOUTS, SETUP_FILES } from './test/support/vitest-settings.ts';

// `npm test`: every behavior, with small volumes. vitest.long.config.ts has the rest.
export default defineConfig({
  test: {
    ...HANG_TIMEOUTS,
    include: ['test/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'test/**/*.long.test.ts'],
    provide: { volume: 'small', propertySeed: FIXED_SEED },
    globalSetup: GLOBAL_SETUP,
    setupFiles: SETUP_FILES,
    // The functions log to the console.
    silent: 'passed-only',
    // Many tests wait for a queue or a process, so more of them than processors can run at a time.
    maxWorkers: 4,
  },
});
