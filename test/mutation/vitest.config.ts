import { defineConfig } from 'vitest/config';
import { FIXED_SEED, GLOBAL_SETUP, SETUP_FILES } from '../support/vitest-settings.ts';

// Stryker uses this configuration in its copy of the project to run the tests of one area.
export default defineConfig({
  test: {
    // Short, because many mutants hang.
    testTimeout: 10_000,
    hookTimeout: 60_000,
    include: process.env.MUTATION_TESTS?.split(',') ?? [],
    provide: { volume: 'small', propertySeed: FIXED_SEED },
    globalSetup: GLOBAL_SETUP,
    setupFiles: SETUP_FILES,
  },
});
