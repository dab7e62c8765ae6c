import { createLazyClient } from '../api-client/feishu-client.ts';
import { loadSdk } from '../api-client/load-sdk.ts';
import { createUuid } from '../api-client/uuid.ts';
import { isStoreApp } from '../config.ts';
import { FeishuError } from '../feishu/errors.ts';
import { deduplicationKey } from '../feishu/event-identity.ts';
import { createLazyObject } from '../util/lazy-object.ts';
import type { CreateCallbackClient } from './callback-client.ts';

// Loaded before the first callback: a function starts with a whole processor, and has a fraction of one while the person
// waits for the response.
loadSdk();

/** A callback has no time to wait for a rate limit: the call fails at once. */
const remainingMilliseconds = () => 0;

/**
 * Creates the client as the worker does.
 *
 * @throws {FeishuError} `FEISHU_MISCONFIGURED`, on first use of `feishu`, if the app's credentials are not set, and for a
 *   store app, whose tickets are in the worker's table
 */
export const createCallbackClient: CreateCallbackClient = ({ envelope, text }, { log, signal }, environment) => ({
  feishu: isStoreApp(environment)
    ? createLazyObject(rejectStoreApp)
    : createLazyClient(environment, log, undefined, { remainingMilliseconds, signal }),
  uuid: createUuid(deduplicationKey(envelope, text)),
});

function rejectStoreApp(): never {
  throw new FeishuError(
    'FEISHU_MISCONFIGURED',
    'Callback handlers of a store app have no `feishu`. Call the API in the event handler of the same type.',
  );
}
