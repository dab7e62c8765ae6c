import { afterAll } from 'vitest';

// Setup file: several files run in one process, so the variables that one of them sets must not reach the next.

const original = { ...process.env };

afterAll(() => {
  for (const name of Object.keys(process.env)) if (!(name in original)) delete process.env[name];
  Object.assign(process.env, original);
});
