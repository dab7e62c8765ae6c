import { setImmediate } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { HttpInstance } from '@larksuiteoapi/node-sdk';
import { type Environment, isStoreApp, readAppCredentials, readDomain, readRequired } from '../config.ts';
import { routeTo } from '../feishu/route.ts';
import type { Log } from '../handler.ts';
import { createStoredTokens } from '../store/stored-tokens.ts';
import { rejectOnAbort, startDeadline } from '../util/deadline.ts';
import { createClient } from './feishu-client.ts';
import { loadSdk } from './load-sdk.ts';
import { earlyConnections } from './platform-connections.ts';
import { createSharedToken, type SharedToken } from './shared-token.ts';

/** Many times what DynamoDB and the platform take nearby. Events may wait for the init phase. */
const FIND_TOKEN_WITHIN_MILLISECONDS = 500;

/** The rehearsal waits for no service. */
const REHEARSE_WITHIN_MILLISECONDS = 3000;

const ignore = () => {};
const NO_LOG: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/**
 * Loads the official SDK and rehearses a call, while DynamoDB looks for the token. Then opens a connection to the platform
 * for the first call, and fetches the token if there is none.
 *
 * Does nothing if the app's credentials are not set. Never throws: the first call repeats what failed, and reports the
 * error.
 */
export async function primeClient(environment: Environment, dynamo: DynamoDBClient): Promise<void> {
  const findToken = await startFindingToken(environment, dynamo).catch(() => undefined);
  await rehearseCall(environment);
  await findToken?.();
}

/**
 * Loads the official SDK, which blocks the process, rehearses a call, and opens a connection to the platform for the first
 * one. The call does not leave the process. With a proxy, no connection is opened.
 *
 * Does nothing if the app's credentials are not set. Never throws: the first call repeats what failed, and reports the
 * error.
 */
export async function rehearseCall(environment: Environment): Promise<void> {
  try {
    readAppCredentials(environment);
    const { defaultHttpInstance } = loadSdk();
    if (routeTo(new URL(readDomain(environment))).via !== '') return;
    const agents = { ...earlyConnections.rehearsalAgents('{"code":0}'), proxy: false } as const;
    const request = (options: object) => defaultHttpInstance.request({ ...options, ...agents });
    const http = new Proxy(defaultHttpInstance, {
      get: (target, name) => (name === 'request' ? request : Reflect.get(target, name)),
    }) as HttpInstance;
    using deadline = startDeadline(REHEARSE_WITHIN_MILLISECONDS);
    const time = { remainingMilliseconds: () => 0, signal: deadline.signal };
    const client = createClient(environment, NO_LOG, undefined, time, undefined, REHEARSAL_TOKEN, http);
    await client.im.message.reply({
      path: { message_id: 'rehearsal' },
      data: { msg_type: 'text', content: JSON.stringify({ text: 'rehearsal' }) },
    });
    await earlyConnections.connected();
  } catch {
    // The first call reports it.
  }
}

/** A client with it does not fetch a token. */
const REHEARSAL_TOKEN: SharedToken = {
  createCache: () => ({ get: async () => 'rehearsal', set: async () => true }),
  reject: async () => false,
};

/**
 * Asks DynamoDB for the token of a self-built app, which another environment may have stored. The tokens of a store app
 * belong to tenants.
 *
 * @returns a function that waits for the response, and fetches a token if there is none. All clients of this process use
 *   the token until it expires.
 */
async function startFindingToken(environment: Environment, dynamo: DynamoDBClient) {
  if (isStoreApp(environment)) return undefined;
  const { appId } = readAppCredentials(environment);
  const tokens = createStoredTokens(dynamo, readRequired(environment, 'CLAIMS_TABLE'));
  const reading = startDeadline(FIND_TOKEN_WITHIN_MILLISECONDS);
  const stored = tokens.read(appId, reading.signal);
  stored.catch(() => {});
  // The request is sent before anything blocks the process.
  await setImmediate();
  return async () => {
    try {
      using deadline = startDeadline(FIND_TOKEN_WITHIN_MILLISECONDS);
      const { signal } = deadline;
      const token = createSharedToken({ ...tokens, read: () => stored });
      const time = { remainingMilliseconds: () => 0, signal };
      const client = createClient(environment, NO_LOG, undefined, time, undefined, token);
      await rejectOnAbort(signal, client.tokenManager.getTenantAccessToken({}));
    } catch {
      // The first call reports it.
    } finally {
      reading[Symbol.dispose]();
    }
  };
}
