import { afterEach, beforeEach, expect } from 'vitest';
import { forgetOutput, leaksOfTest, recordOutput } from './written-output.ts';

// The functions write their lines past the console, where vitest would not keep them to itself; and whatever they write
// is searched for what no log may hold.

for (const stream of [process.stdout, process.stderr]) {
  stream.write = (chunk: Uint8Array | string) => {
    recordOutput(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
    return true;
  };
}

beforeEach(forgetOutput);
afterEach(() => expect(leaksOfTest()).toEqual([]));
