import './lib/cli/node-version.cjs';
import { defineConfig } from 'vitest/config';
import { importedFiles } from './test/support/imported-files.ts';
import {
  FIXED_SEED,
  GLOBAL_SETUP,
  HANG_TIMEOUTS,
  isolatedTestFiles,
  SETUP_FILES,
} from './test/support/vitest-settings.ts';

const isolated = isolatedTestFiles();

const project = (name: string, options: object) => ({
  plugins: [importedFiles],
  test: {
    ...HANG_TIMEOUTS,
    name,
    provide: { volume: 'small' as const, propertySeed: FIXED_SEED },
    setupFiles: SETUP_FILES,
    ...options,
  },
});

// For `npm test`: every behavior, with small volumes. vitest.long.config.ts contains the long tests.
export default defineConfig({
  test: {
    globalSetup: GLOBAL_SETUP,
    // Hide the functions' logs in passed tests.
    silent: 'passed-only',
    // Many tests only wait for a queue or a process, so more of them can run at a time than there are processors.
    maxWorkers: 4,
    projects: [
      // A worker that runs several files loads the modules that they share only once.
      project('shared', {
        isolate: false,
        include: ['test/**/*.test.ts'],
        exclude: ['**/node_modules/**', 'test/**/*.long.test.ts', ...isolated],
      }),
      project('isolated', { include: isolated }),
    ],
  },
});
