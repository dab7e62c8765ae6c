import { afterAll, vi } from 'vitest';

// Setup file: several files run in one process, so what one of them changes in the process must not reach the next. The
// bundles of the functions replace the listeners of the test runner when a test loads them.

const environment = process.env;
const original = { ...environment };
const listeners = (['unhandledRejection', 'uncaughtException'] as const).map(
  (name) => [name, process.rawListeners(name)] as const,
);

afterAll(() => {
  // A test may have replaced the object. Vitest would then remove stubs from the one and set them on the other.
  process.env = environment;
  vi.unstubAllEnvs();
  for (const name of Object.keys(process.env)) if (!(name in original)) delete process.env[name];
  Object.assign(process.env, original);
  for (const [name, ofRunner] of listeners) {
    process.removeAllListeners(name);
    for (const listener of ofRunner) process.on(name, listener as NodeJS.UnhandledRejectionListener);
  }
});
