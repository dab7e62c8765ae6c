import '../../lib/tools/node-version.cjs';
import { defineConfig } from 'vitest/config';

// Apart from `npm test`: it takes minutes.
export default defineConfig({
  test: {
    include: ['test/faults/**/*.faults.ts'],
    testTimeout: 600_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
