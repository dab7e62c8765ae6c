import { createRequire } from 'node:module';

/** Loads lazily and synchronously, which `import` cannot. The bundler ignores it, so the SDK stays a separate file. */
const loadModule = createRequire(import.meta.url);

/**
 * Loads the official SDK, which takes 126 to 250 ms the first time. The build replaces this module in the long connection's
 * program, which is one file: see lib/build/callback-client.ts.
 */
export function loadSdk(): typeof import('@larksuiteoapi/node-sdk') {
  return loadModule('@larksuiteoapi/node-sdk');
}
