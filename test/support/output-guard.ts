import { afterEach, beforeEach, expect } from 'vitest';
import { forgetOutput, leaksOfTest, recordOutput } from './written-output.ts';

// The functions bypass the console, so Vitest does not capture their output. It is captured here, and each test fails if
// its output contains what no log may contain.

for (const stream of [process.stdout, process.stderr]) {
  stream.write = (chunk: Uint8Array | string) => {
    recordOutput(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
    return true;
  };
}

beforeEach(forgetOutput);
afterEach(() => expect(leaksOfTest()).toEqual([]));
