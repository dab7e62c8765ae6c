import './lib/cli/node-version.cjs';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { importedFiles } from './test/support/imported-files.ts';
import {
  FIXED_SEED,
  GLOBAL_SETUP,
  HANG_TIMEOUTS,
  SETUP_FILES,
  variableVolumeTestFiles,
} from './test/support/vitest-settings.ts';

const project = (name: string, options: object) => ({
  plugins: [importedFiles],
  test: { ...HANG_TIMEOUTS, globalSetup: GLOBAL_SETUP, name, ...options },
});

/** These files wait for minutes. If they started last, the run would wait for them alone. */
const LONG_WAITS = /\/(call-limits\.long\.test|poison\.faults|schedule\.faults)\.ts$/;

class LongWaitsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]) {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) => LONG_WAITS.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

// For `npm run test:long`: tests that take minutes or need more than npm.
export default defineConfig({
  test: {
    silent: 'passed-only',
    // Many tests only wait, for example for visibility timeouts, so more of them can run at a time than there are processors.
    maxWorkers: 4,
    sequence: { sequencer: LongWaitsFirst },
    projects: [
      project('volume', {
        include: ['test/**/*.long.test.ts', ...variableVolumeTestFiles()],
        provide: { volume: 'full', propertySeed: FIXED_SEED },
        setupFiles: SETUP_FILES,
      }),
      project('faults', { include: ['test/faults/**/*.faults.ts'], testTimeout: 3_600_000 }),
      project('deploy', {
        include: ['test/deploy/**/*.deploy.ts'],
        globalSetup: [GLOBAL_SETUP, 'test/deploy/support/python.ts'],
        provide: { volume: 'full', propertySeed: FIXED_SEED },
        setupFiles: SETUP_FILES,
      }),
      project('python', { include: ['test/python/**/*.python-test.ts'] }),
      // Compiling the official Go SDK takes minutes the first time.
      project('go', { include: ['test/go/**/*.go-test.ts'] }),
      project('browser', {
        include: ['test/local/inspector/**/*.browser-test.ts'],
        // After the others, one at a time: browsers need both processors.
        sequence: { groupOrder: 1 },
        maxWorkers: 1,
      }),
    ],
  },
});
