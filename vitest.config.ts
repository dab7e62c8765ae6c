import './lib/cli/node-version.cjs';
import { defineConfig } from 'vitest/config';
import { importedFiles } from './test/support/imported-files.ts';
import { FIXED_SEED, GLOBAL_SETUP, HANG_TIMEOUTS, SETUP_FILES } from './test/support/vitest-settings.ts';

// For `npm test`: every behavior, with small volumes. vitest.long.config.ts contains the long tests.
export default defineConfig({
  plugins: [importedFiles],
  test: {
    ...HANG_TIMEOUTS,
    include: ['test/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'test/**/*.long.test.ts'],
    provide: { volume: 'small', propertySeed: FIXED_SEED },
    globalSetup: GLOBAL_SETUP,
    setupFiles: SETUP_FILES,
    // Hide the functions' logs in passed tests.
    silent: 'passed-only',
    // Many tests only wait for a queue or a process, so more of them can run at a time than there are processors.
    maxWorkers: 4,
  },
});
