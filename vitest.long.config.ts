import './lib/cli/node-version.cjs';
import { defineConfig } from 'vitest/config';
import { importedFiles } from './test/support/imported-files.ts';
import {
  FIXED_SEED,
  GLOBAL_SETUP,
  HANG_TIMEOUTS,
  SETUP_FILES,
  variableVolumeTestFiles,
} from './test/support/vitest-settings.ts';

const project = (name: string, groupOrder: number, options: object) => ({
  plugins: [importedFiles],
  test: { ...HANG_TIMEOUTS, globalSetup: GLOBAL_SETUP, name, sequence: { groupOrder }, ...options },
});

// For `npm run test:long`: tests that take minutes or need more than npm. Projects with a lower groupOrder run first.
export default defineConfig({
  test: {
    silent: 'passed-only',
    projects: [
      project('volume', 1, {
        include: ['test/**/*.long.test.ts', ...variableVolumeTestFiles()],
        provide: { volume: 'full', propertySeed: FIXED_SEED },
        setupFiles: SETUP_FILES,
        maxWorkers: 2,
      }),
      // These tests mostly wait for visibility timeouts.
      project('faults', 2, { include: ['test/faults/**/*.faults.ts'], maxWorkers: 3, testTimeout: 3_600_000 }),
      project('deploy', 3, {
        include: ['test/deploy/**/*.deploy.ts'],
        globalSetup: [GLOBAL_SETUP, 'test/deploy/support/python.ts'],
        provide: { volume: 'full', propertySeed: FIXED_SEED },
        setupFiles: SETUP_FILES,
        maxWorkers: 2,
      }),
      project('python', 4, { include: ['test/python/**/*.python-test.ts'] }),
      // Compiling the official Go SDK takes minutes the first time.
      project('go', 5, { include: ['test/go/**/*.go-test.ts'] }),
      project('browser', 6, { include: ['test/local/inspector/**/*.browser-test.ts'], maxWorkers: 1 }),
    ],
  },
});
