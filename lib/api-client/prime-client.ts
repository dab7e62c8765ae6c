import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type Environment, isStoreApp, readAppCredentials, readDomain, readRequired } from '../config.ts';
import { routeTo } from '../feishu/route.ts';
import type { Log } from '../handler.ts';
import { createStoredTokens } from '../store/stored-tokens.ts';
import { rejectOnAbort, startDeadline } from '../util/deadline.ts';
import { createLazyClient } from './feishu-client.ts';
import { loadSdk } from './load-sdk.ts';
import { earlyConnections } from './platform-connections.ts';
import { createSharedToken } from './shared-token.ts';

/** Many times what DynamoDB and the platform take nearby. Events may wait for the init phase. */
const FIND_TOKEN_WITHIN_MILLISECONDS = 500;

const ignore = () => {};
const NO_LOG: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

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
    const url = new URL('/open-apis/', readDomain(environment));
    if (routeTo(url).via !== '') return;
    const agents = earlyConnections.rehearsalAgents('{"code":0}');
    await defaultHttpInstance.post(url.href, {}, { ...agents, proxy: false });
    await earlyConnections.connected();
  } catch {
    // The first call reports it.
  }
}

/**
 * Finds the token of a self-built app, which all clients of this process then use until it expires: the one that another
 * environment has stored, or a new one. The tokens of a store app belong to tenants.
 *
 * Does nothing if the app's credentials are not set. Never throws: the first call repeats what failed, and reports the
 * error.
 */
export async function primeToken(environment: Environment, dynamo: DynamoDBClient): Promise<void> {
  try {
    if (isStoreApp(environment)) return;
    using deadline = startDeadline(FIND_TOKEN_WITHIN_MILLISECONDS);
    const { signal } = deadline;
    const token = createSharedToken(createStoredTokens(dynamo, readRequired(environment, 'CLAIMS_TABLE')));
    const time = { remainingMilliseconds: () => 0, signal };
    const client = createLazyClient(environment, NO_LOG, undefined, time, undefined, token);
    await rejectOnAbort(signal, client.tokenManager.getTenantAccessToken({}));
  } catch {
    // The first call reports it.
  }
}
