import '../../lib/tools/node-version.cjs';
import { defineConfig } from 'vitest/config';

// Apart from `npm test`, which needs npm alone.
export default defineConfig({
  test: {
    include: ['test/python/**/*.python-test.ts'],
    testTimeout: 30_000,
    // Installing takes as long as the package index does.
    hookTimeout: 300_000,
  },
});
