import { type EventEnvelope, isObject, OLD_CARD_TYPE } from '../feishu/envelope.ts';
import type { CallbackContext, CallbackHandler } from '../handler.ts';
import { findHandler, type ImportModule } from '../handler-runtime/find-handler.ts';
import { runInScope } from '../handler-runtime/handler-scope.ts';
import { toSafeError } from '../handler-runtime/thrown-values.ts';
import { errorFields, isError } from '../observability/error-fields.ts';

/**
 * Answers a callback. Never rejects: the person who clicked always sees something.
 *
 * A request that is sent again runs the handler again: the webhook has no table to remember responses in. The handler
 * must be idempotent. Effects belong in the event handler of the same type, which the idempotency record protects.
 */
export type RespondToCallback = (envelope: EventEnvelope, context: CallbackContext) => Promise<object>;

/**
 * Makes the function that runs the user's callback handlers.
 *
 * @param importCallback imports a module of `functions/handlers/callbacks`
 */
export function createCallbackResponder(importCallback: ImportModule): RespondToCallback {
  return async ({ header, event }, context) => {
    try {
      const handler = await runInScope(context, () => findHandler(importCallback, 'callbacks', header.type));
      if (handler === undefined) return {};
      return await runCallback(handler, { event }, context);
    } catch (error) {
      context.log.error('The callback handler failed or was late; the person sees an error', errorFields(error));
      return failureResponse(header.type);
    }
  };
}

/**
 * Runs a callback's handler to its end, or to that of the time.
 *
 * @returns its answer as the platform gets it
 * @throws {Error} what the handler throws, an error that escapes it while it runs, what `JSON.stringify` throws for its
 *   answer, and the signal's reason when it is late
 * @throws {TypeError} when the answer is neither an object nor nothing
 */
export async function runCallback(
  handler: CallbackHandler,
  { event }: Pick<EventEnvelope, 'event'>,
  context: CallbackContext,
): Promise<object> {
  try {
    const answer = await runInScope(context, (signal) => handler.handle(event as never, { ...context, signal }));
    // Its properties would be the answer: an HTTP client's error has its request's Authorization header among them.
    if (isError(answer)) throw answer;
    return toJsonObject(answer ?? {});
  } catch (thrown) {
    throw toSafeError(thrown);
  }
}

/** Serialized here, so that an answer that JSON cannot hold counts as the handler's failure. */
function toJsonObject(answer: object): object {
  const json: unknown = JSON.parse(JSON.stringify(answer) ?? 'null');
  if (isObject(json)) return json;
  throw new TypeError(
    'A callback handler must return an object, or nothing. See CallbackResponses for its properties.',
  );
}

/** What the person sees when a callback's handler has failed. A link preview has no way to show that. */
export function failureResponse(type: string): object {
  if (type !== 'card.action.trigger' && type !== OLD_CARD_TYPE) return {};
  const content = 'Something went wrong. Please try again.';
  return { toast: { type: 'error', content, i18n: { en_us: content, zh_cn: '出错了，请重试。' } } };
}
