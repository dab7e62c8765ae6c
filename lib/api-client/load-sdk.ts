import { createRequire } from 'node:module';

/** Loads lazily and synchronously, which `import` cannot. The bundler ignores it, so the SDK stays a separate file. */
const loadModule = createRequire(import.meta.url);

/** What the template uses of the official SDK. The build leaves out the rest unless a function imports the SDK itself. */
export const SDK_EXPORTS = [
  'AppType',
  'CAppTicket',
  'CTenantAccessToken',
  'Client',
  'LoggerLevel',
  'defaultHttpInstance',
  'internalCache',
  'withTenantKey',
] as const;

export type Sdk = Pick<typeof import('@larksuiteoapi/node-sdk'), (typeof SDK_EXPORTS)[number]>;

/**
 * Loads the official SDK, which takes tens of milliseconds of a whole processor the first time. The build replaces this
 * module in the long connection's program, which is one file: see lib/build/callback-client.ts.
 */
export function loadSdk(): Sdk {
  return loadModule('@larksuiteoapi/node-sdk');
}
