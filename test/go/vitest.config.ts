import '../../lib/tools/node-version.cjs';
import { defineConfig } from 'vitest/config';

// Apart from `npm test`, which needs only npm.
export default defineConfig({
  test: {
    include: ['test/go/**/*.go-test.ts'],
    // Compiling the official Go SDK takes minutes the first time.
    testTimeout: 900_000,
  },
});
