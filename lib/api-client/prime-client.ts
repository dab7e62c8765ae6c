import { type Environment, isStoreApp, readAppCredentials } from '../config.ts';
import type { Log } from '../handler.ts';
import { rejectOnAbort, startDeadline } from '../util/deadline.ts';
import { createLazyClient } from './feishu-client.ts';
import { loadSdk } from './load-sdk.ts';

/** Many times what the platform takes nearby. Events may wait for the init phase. */
const FETCH_WITHIN_MILLISECONDS = 500;

const ignore = () => {};
const NO_LOG: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/**
 * Loads the official SDK and fetches the token of a self-built app, which all clients of this process then use until it
 * expires. The connection to the platform stays open for the first call. The tokens of a store app belong to tenants.
 *
 * Does nothing if the app's credentials are not set. Never throws: the first call repeats what failed, and reports the
 * error.
 */
export async function primeClient(environment: Environment): Promise<void> {
  try {
    readAppCredentials(environment);
    loadSdk();
    if (isStoreApp(environment)) return;
    // Started after the SDK has loaded, which blocks the process.
    using deadline = startDeadline(FETCH_WITHIN_MILLISECONDS);
    const { signal } = deadline;
    const client = createLazyClient(environment, NO_LOG, undefined, { remainingMilliseconds: () => 0, signal });
    await rejectOnAbort(signal, client.tokenManager.getTenantAccessToken({}));
  } catch {
    // The first call reports it.
  }
}
