import '../../lib/tools/node-version.cjs';
import { defineConfig } from 'vitest/config';

// Apart from `npm test`, which needs npm alone: these need a Chromium.
export default defineConfig({
  test: {
    include: ['test/inspector/**/*.browser-test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    silent: 'passed-only',
  },
});
