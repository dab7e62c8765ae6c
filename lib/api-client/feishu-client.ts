import type { Client, HttpInstance } from '@larksuiteoapi/node-sdk';
import { type Environment, readAppCredentials } from '../config.ts';
import type { Log } from '../handler.ts';
import { createLazyObject } from '../util/lazy-object.ts';
import { loadSdk } from './load-sdk.ts';
import { type CallSlots, type CallTime, waitForRateLimits } from './rate-limits.ts';
import { repeatWithNewToken } from './rejected-token.ts';
import { routeSdkRequests } from './sdk-routes.ts';
import type { SharedToken } from './shared-token.ts';
import { createStoreAppClient, type StoreAccess } from './store-app-client.ts';

/**
 * Creates the official SDK's client on first use, because loading the SDK takes time. A handler may
 * destructure `feishu` without using it.
 *
 * @param store the store app's tickets and the event's tenant; `undefined` for a self-built app
 * @param time the time for calls that the platform rejects because of a rate limit
 * @param slots the time of each call; `undefined` to call at once
 * @param sharedToken the token of a self-built app; `undefined` to fetch one for this environment
 * @throws {FeishuError} `FEISHU_MISCONFIGURED`, on first use, if the app's credentials are not set
 */
export function createLazyClient(
  environment: Environment,
  log: Log,
  store: StoreAccess | undefined,
  time: CallTime,
  slots?: CallSlots,
  sharedToken?: SharedToken,
): Client {
  return createLazyObject(() => createClient(environment, log, store, time, slots, sharedToken));
}

/**
 * Like {@link createLazyClient}, but creates the client at once.
 *
 * @param http sends the requests; default: the official SDK's HTTP client
 */
export function createClient(
  environment: Environment,
  log: Log,
  store: StoreAccess | undefined,
  time: CallTime,
  slots?: CallSlots,
  token?: SharedToken,
  http?: HttpInstance,
): Client {
  const credentials = readAppCredentials(environment);
  const { appId, appSecret, domain } = credentials;
  const sdk = loadSdk();
  routeSdkRequests(sdk.defaultHttpInstance);
  const findNewToken = async (rejected: string) =>
    (await token?.reject(sdk, appId, rejected)) ? client.tokenManager.getTenantAccessToken({}) : undefined;
  // The SDK's own default. Its interceptor returns the body, which the type does not show.
  const sender = repeatWithNewToken(http ?? (sdk.defaultHttpInstance as HttpInstance), findNewToken);
  const httpInstance = waitForRateLimits(sender, time, log, slots);
  const logger = createSdkLogger(log);
  const options = { appId, appSecret, domain, httpInstance, loggerLevel: sdk.LoggerLevel.warn, logger };
  const cache = token?.createCache(sdk, credentials, log);
  const client: Client =
    store === undefined
      ? new sdk.Client({ ...options, ...(cache && { cache }) })
      : createStoreAppClient(sdk, options, store);
  return client;
}

/**
 * Logs only the SDK's own messages. The SDK also logs whole requests, which contain the app secret and the event's
 * content, and appends values such as a user's code. Its message is the first argument, which `LoggerProxy` wraps in a
 * list.
 */
function createSdkLogger(log: Log) {
  const write = (messages: unknown[]) => {
    const [message] = messages.flat();
    if (typeof message === 'string') log.warn(`Feishu SDK: ${message}`);
  };
  const ignore = () => {};
  return { error: write, warn: write, info: ignore, debug: ignore, trace: ignore };
}
