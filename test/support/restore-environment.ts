import { afterAll, vi } from 'vitest';

// Setup file: several files run in one process, so the variables that one of them sets must not reach the next.

const environment = process.env;
const original = { ...environment };

afterAll(() => {
  // A test may have replaced the object. Vitest would then remove stubs from the one and set them on the other.
  process.env = environment;
  vi.unstubAllEnvs();
  for (const name of Object.keys(process.env)) if (!(name in original)) delete process.env[name];
  Object.assign(process.env, original);
});
