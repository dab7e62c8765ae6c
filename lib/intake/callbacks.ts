import type { Environment } from '../config.ts';
import { isObject, OLD_CARD_TYPE } from '../feishu/envelope.ts';
import type { CallbackContext, CallbackHandler } from '../handler.ts';
import { findHandler, type ImportModule } from '../handler-runtime/find-handler.ts';
import { type EventMembers, type ReceivedEvent, readHandlerInput } from '../handler-runtime/handler-input.ts';
import { runInScope } from '../handler-runtime/handler-scope.ts';
import { toSafeError } from '../handler-runtime/thrown-values.ts';
import { handlerChannel } from '../observability/diagnostics-channels.ts';
import { errorFields, isError } from '../observability/error-fields.ts';
import { createCallbackClient } from './callback-client.ts';

/**
 * Responds to a callback. Never throws, so that the user always gets a response.
 *
 * A repeated request runs the handler again, because the webhook has no table to store responses in. The handler must
 * therefore be idempotent. Side effects belong in the event handler of the same type, which the idempotency record
 * protects.
 */
export type RespondToCallback = (
  callback: ReceivedEvent,
  context: Pick<CallbackContext, 'source' | 'log' | 'signal'>,
) => Promise<object>;

/**
 * Creates the function that runs callback handlers.
 *
 * @param importCallback imports a module of `functions/handlers/callbacks`
 * @param environment the app's credentials, if callback handlers have the client
 */
export function createCallbackResponder(
  importCallback: ImportModule,
  environment: Environment = process.env,
): RespondToCallback {
  return async (callback, context) => {
    const { header } = callback.envelope;
    try {
      const handler = await runInScope(context, () => findHandler(importCallback, 'callbacks', header.type));
      if (handler === undefined) return {};
      const client = createCallbackClient(callback, context, environment);
      return await runCallback(handler, callback, { ...context, ...client });
    } catch (error) {
      context.log.error('The callback handler failed or timed out. The user sees an error', errorFields(error));
      return failureResponse(header.type);
    }
  };
}

/**
 * Runs a callback handler until it ends or the signal aborts.
 *
 * @returns the handler's response as the platform receives it
 * @throws {Error} what the handler throws, an error that escapes it while it runs, an error of serializing its
 *   response, and the signal's reason if it aborts first
 * @throws {TypeError} if the response is neither an object nor `undefined`
 */
export async function runCallback(
  handler: CallbackHandler,
  callback: ReceivedEvent,
  context: Omit<CallbackContext, EventMembers>,
): Promise<object> {
  const { payload, members } = readHandlerInput(handler, callback);
  try {
    const response = await handlerChannel.runStores({ eventId: callback.envelope.header.id }, () =>
      runInScope(context, (signal) =>
        handler.handle(payload as never, { ...members, ...context, signal } as CallbackContext<never>),
      ),
    );
    // The response would be the error's properties, such as the Authorization header of an HTTP client's request.
    if (isError(response)) throw response;
    return toJsonObject(response ?? {});
  } catch (thrown) {
    throw toSafeError(thrown);
  }
}

/** Serializes the response here, so that a value JSON cannot represent counts as a failure of the handler. */
function toJsonObject(response: object): object {
  const json: unknown = JSON.parse(JSON.stringify(response) ?? 'null');
  if (isObject(json)) return json;
  throw new TypeError('A callback handler must return an object or nothing. See CallbackResponses for the properties.');
}

/** Returns the response to a callback whose handler failed. A link preview cannot show an error. */
export function failureResponse(type: string): object {
  if (type !== 'card.action.trigger' && type !== OLD_CARD_TYPE) return {};
  const content = 'Something went wrong. Please try again.';
  return { toast: { type: 'error', content, i18n: { en_us: content, zh_cn: '出错了，请重试。' } } };
}
