import { createRequire } from 'node:module';
import type { Client } from '@larksuiteoapi/node-sdk';
import { type Environment, readAppCredentials } from '../config.ts';
import type { Log } from '../handler.ts';
import { createLazyObject } from '../util/lazy-object.ts';
import { createStoreAppClient, type StoreAccess } from './store-app-client.ts';

/** Lazy and synchronous at once, as no `import` is. The bundler leaves it alone: the SDK is a file of its own. */
const loadModule = createRequire(import.meta.url);

/**
 * The official SDK's client, loaded and made when something of it is used: it takes 126 to 250 ms, and a handler that
 * takes `feishu` out of its context may still not need it.
 *
 * @param store of a store app: what its client gets tokens with, and for which tenant; `undefined`: a self-built app
 * @throws {FeishuError} `FEISHU_MISCONFIGURED`, at the first use, when the app's credentials are not set
 */
export function createLazyClient(environment: Environment, log: Log, store: StoreAccess | undefined): Client {
  return createLazyObject(() => createClient(environment, log, store));
}

function createClient(environment: Environment, log: Log, store: StoreAccess | undefined): Client {
  const { appId, appSecret, domain } = readAppCredentials(environment);
  const sdk: typeof import('@larksuiteoapi/node-sdk') = loadModule('@larksuiteoapi/node-sdk');
  const options = { appId, appSecret, domain, loggerLevel: sdk.LoggerLevel.warn, logger: createSdkLogger(log) };
  return store === undefined ? new sdk.Client(options) : createStoreAppClient(sdk, options, store);
}

/**
 * The SDK logs whole requests, with the app's secret and the event's content in them, and values such as a user's code
 * after its own words. Only those are let through: they are the first argument, which its `LoggerProxy` puts in a list.
 */
function createSdkLogger(log: Log) {
  const write = (messages: unknown[]) => {
    const [words] = messages.flat();
    if (typeof words === 'string') log.warn(`Feishu SDK: ${words}`);
  };
  const ignore = () => {};
  return { error: write, warn: write, info: ignore, debug: ignore, trace: ignore };
}
