import type { ApprovalContext, ApprovalHandler } from '../handler.ts';
import { runInScope } from '../handler-runtime/handler-scope.ts';
import { toSafeError } from '../handler-runtime/thrown-values.ts';
import { parseBigIntegers } from '../util/exact-json.ts';
import { toOptionsResult } from './options-result.ts';

/**
 * Runs a handler until it ends or the signal aborts.
 *
 * @param text the JSON text of an authentic request
 * @returns what the handler's result is for the platform: the options before their encryption, or an empty object
 * @throws {Error} what the handler throws, an error that escapes it while it runs, and the signal's reason if it aborts
 *   first
 * @throws {TypeError} if the result is not a list of options
 */
export async function runApproval(handler: ApprovalHandler, text: string, context: ApprovalContext): Promise<object> {
  const request = readRequest(text);
  const result = await runInScope(context, (signal) => handler.handle(request as never, { ...context, signal }));
  if (handler.type === 'quick-approval') return {};
  try {
    return toOptionsResult(result);
  } catch (thrown) {
    // By a getter of the result.
    throw toSafeError(thrown);
  }
}

/** Returns the request without its token, which a handler could log. */
function readRequest(text: string): object {
  const { token: _, ...request } = JSON.parse(text);
  // A 64-bit integer, which JSON.parse rounds.
  if (typeof request.message_id !== 'number') return request;
  const { message_id } = parseBigIntegers(text) as { message_id: number | bigint };
  return { ...request, message_id: String(message_id) };
}
