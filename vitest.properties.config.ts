import './lib/cli/node-version.cjs';
import { randomInt } from 'node:crypto';
import { defineConfig } from 'vitest/config';
import { importedFiles } from './test/support/imported-files.ts';
import { GLOBAL_SETUP, HANG_TIMEOUTS, propertyTestFiles, SETUP_FILES } from './test/support/vitest-settings.ts';

const propertySeed = Number(process.env.SEED ?? randomInt(2 ** 31));
if (!Number.isInteger(propertySeed)) throw new TypeError(`SEED must be an integer, not "${process.env.SEED}".`);
// Other programs, such as knip, load this file too.
if (process.env.VITEST) {
  console.log(`The seed is ${propertySeed}. To repeat this run: SEED=${propertySeed} npm run test:properties`);
}

// For `npm run test:properties`: the property tests with a random seed.
export default defineConfig({
  plugins: [importedFiles],
  test: {
    ...HANG_TIMEOUTS,
    include: propertyTestFiles(),
    provide: { volume: 'full', propertySeed },
    globalSetup: GLOBAL_SETUP,
    setupFiles: SETUP_FILES,
    silent: 'passed-only',
  },
});
