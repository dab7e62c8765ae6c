import { defineConfig } from 'vitest/config';

// Deployment tests: they need Python, a C++ compiler or minutes, so that `npm test` leaves them out.
export default defineConfig({
  test: {
    include: ['test/deploy/**/*.deploy-test.ts'],
    testTimeout: 120_000,
    hookTimeout: 600_000,
    // They package into the same folder.
    fileParallelism: false,
  },
});
