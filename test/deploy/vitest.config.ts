import '../../lib/tools/node-version.cjs';
import { defineConfig } from 'vitest/config';

/** `npm run test:deploy`: needs Python besides npm, and takes minutes. */
export default defineConfig({
  test: {
    include: ['test/deploy/**/*.deploy.ts'],
    globalSetup: 'test/deploy/support/python.ts',
    maxWorkers: 2,
    testTimeout: 120_000,
    // The first run builds the Lambda runtime client.
    hookTimeout: 600_000,
    // The tests of a file tell one story: after its first failure the rest means nothing.
    bail: 1,
    silent: 'passed-only',
    setupFiles: ['test/support/output-guard.ts'],
  },
});
