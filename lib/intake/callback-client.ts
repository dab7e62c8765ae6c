import type { Client } from '@larksuiteoapi/node-sdk';
import type { Environment } from '../config.ts';
import type { CallbackContext } from '../handler.ts';
import type { ReceivedEvent } from '../handler-runtime/handler-input.ts';

/** What a callback handler needs to call the platform's API. */
export type CallbackClient = Pick<CallbackContext, 'feishu' | 'uuid'>;

/** @param environment the app's credentials */
export type CreateCallbackClient = (
  callback: ReceivedEvent,
  context: Pick<CallbackContext, 'log' | 'signal'>,
  environment: Environment,
) => CallbackClient;

const reject = () => {
  throw new Error(
    'Callback handlers have neither `feishu` nor `uuid` by default. Add `callbacks: { feishu: true }` to extensions.yml.',
  );
};

/**
 * Creates the client of a project whose callback handlers have none: using it throws. If `extensions.yml` contains
 * `callbacks: { feishu: true }`, the build replaces this module with enabled-callback-client.ts: only then does the bundle
 * contain the client.
 */
export const createCallbackClient: CreateCallbackClient = () => ({
  // Not a getter, because handlers may copy the context.
  feishu: new Proxy({} as Client, { get: reject }),
  uuid: reject,
});
