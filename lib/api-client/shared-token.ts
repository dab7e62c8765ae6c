import type { Cache } from '@larksuiteoapi/node-sdk';
import type { AppCredentials } from '../config.ts';
import type { Log } from '../handler.ts';
import type { StoredTokens } from '../store/stored-tokens.ts';
import { startDeadline } from '../util/deadline.ts';
import type { Sdk } from './load-sdk.ts';
import { openToken, sealToken } from './token-cipher.ts';

/** The tenant access token of a self-built app, which all environments of the worker use until it expires. */
export interface SharedToken {
  /**
   * Creates the cache of a client. It finds the token in memory, else in the table. Without either, the client fetches
   * one, and the cache stores it. If DynamoDB fails, the client fetches a token as well.
   */
  createCache(sdk: Sdk, credentials: AppCredentials, log: Log): Cache;
  /**
   * Makes all clients fetch a new token after the platform rejected this one.
   *
   * @returns whether it is the app's token. A handler may also pass others.
   */
  reject(sdk: Sdk, appId: string, token: string): Promise<boolean>;
}

/** One that expires sooner may do so before a handler has finished. */
const VALID_FOR_MILLISECONDS = 10 * 60 * 1000;
/** Many times what DynamoDB takes. Then it takes longer than fetching a token. */
const ACCESS_WITHIN_MILLISECONDS = 1000;

export function createSharedToken(tokens: StoredTokens): SharedToken {
  let rejected: string | undefined;
  /** Whether the table contains a token that cannot be used. */
  let isUnusable = false;

  const read = async ({ appId, appSecret, domain }: AppCredentials, log: Log) => {
    using deadline = startDeadline(ACCESS_WITHIN_MILLISECONDS);
    try {
      const stored = await tokens.read(appId, deadline.signal);
      if (stored === undefined || stored.expiration * 1000 < Date.now() + VALID_FOR_MILLISECONDS) return undefined;
      const { sealed, expiration } = stored;
      const token = openToken(sealed, appSecret, [appId, domain, expiration]);
      isUnusable = token === undefined || token === rejected;
      return isUnusable || token === undefined ? undefined : { token, validUntil: expiration * 1000 };
    } catch (error) {
      log.warn('The shared token could not be read. Another one is fetched', { error });
      return undefined;
    }
  };

  const write = async ({ appId, appSecret, domain }: AppCredentials, token: string, validUntil: number, log: Log) => {
    using deadline = startDeadline(ACCESS_WITHIN_MILLISECONDS);
    try {
      const expiration = Math.floor(validUntil / 1000);
      const sealed = sealToken(token, appSecret, [appId, domain, expiration]);
      await tokens.write(appId, { sealed, expiration }, isUnusable, deadline.signal);
      isUnusable = false;
    } catch (error) {
      log.warn('The token could not be shared', { error });
    }
  };

  return {
    createCache(sdk, credentials, log) {
      const memory = sdk.internalCache;
      return {
        async get(key, options) {
          const known = await memory.get(key, options);
          if (known || key !== sdk.CTenantAccessToken) return known;
          const stored = await read(credentials, log);
          if (stored !== undefined) await memory.set(key, stored.token, stored.validUntil, options);
          return stored?.token;
        },
        async set(key, token, validUntil, options) {
          await memory.set(key, token, validUntil, options);
          if (key === sdk.CTenantAccessToken && token !== rejected && validUntil !== undefined) {
            await write(credentials, token, validUntil, log);
          }
          return true;
        },
      };
    },

    async reject(sdk, appId, token) {
      const where = { namespace: appId };
      if ((await sdk.internalCache.get(sdk.CTenantAccessToken, where)) === token) {
        rejected = token;
        // The cache has no method to delete. This entry has expired.
        await sdk.internalCache.set(sdk.CTenantAccessToken, '', 1, where);
      }
      return token === rejected;
    },
  };
}
