import { errorFields } from './error-fields.ts';
import { type EventEnvelope, OLD_CARD_TYPE } from './feishu/envelope.ts';
import type { CallbackContext, CallbackHandler } from './handler.ts';
import { findHandler, type ImportModule } from './handler-modules.ts';
import { runInScope } from './handler-scope.ts';

/**
 * Answers a callback. Never rejects: the person who clicked always sees something.
 *
 * A request that is sent again runs the handler again: the webhook has no table to remember responses in. The handler
 * must be idempotent. Effects belong in the event handler of the same type, which the idempotency record protects.
 */
export type AnswerCallback = (envelope: EventEnvelope, context: CallbackContext) => Promise<object>;

/**
 * Makes the function that runs the user's callback handlers.
 *
 * @param importCallback imports a module of `functions/handlers/callbacks`
 */
export function createCallbackAnswerer(importCallback: ImportModule): AnswerCallback {
  return async ({ header, event }, context) => {
    try {
      const handler = await runInScope(context, () => findHandler(importCallback, 'callbacks', header.type));
      if (handler === undefined) return {};
      return await runCallback(handler, { event }, context);
    } catch (error) {
      context.log.error('The callback handler failed or was late; the person sees an error', errorFields(error));
      return failureAnswer(header.type);
    }
  };
}

/**
 * Runs a callback's handler to its end, or to that of the time.
 *
 * @returns its answer as the platform gets it
 * @throws what the handler throws, an error that escapes it while it runs, what `JSON.stringify` does about its answer,
 *   and the signal's reason when it is late
 */
export async function runCallback(
  handler: CallbackHandler,
  { event }: Pick<EventEnvelope, 'event'>,
  context: CallbackContext,
): Promise<object> {
  const answer = await runInScope(context, (signal) => handler.handle(event as never, { ...context, signal }));
  // Serialised here, so that an answer that is no JSON counts as the handler's failure.
  return JSON.parse(JSON.stringify(answer ?? {}));
}

/** What the person sees when a callback's handler has failed. A link preview has no way to show that. */
export function failureAnswer(type: string): object {
  if (type !== 'card.action.trigger' && type !== OLD_CARD_TYPE) return {};
  const content = 'Something went wrong. Please try again.';
  return { toast: { type: 'error', content, i18n: { en_us: content, zh_cn: '出错了，请重试。' } } };
}
