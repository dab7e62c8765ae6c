import { AsyncLocalStorage } from 'node:async_hooks';
import type { CallbackContext } from '../handler.ts';
import { rejectOnAbort } from '../util/deadline.ts';
import { toSafeError } from './thrown-values.ts';

/** The execution of user code for one event: loading a handler module, or running the handler. */
export interface HandlerScope {
  /** Writes lines with the event's id and type. */
  readonly log: CallbackContext['log'];
  /**
   * Fails the scope.
   *
   * @returns `false` if the scope has already ended or failed
   */
  fail(error: unknown): boolean;
}

const scopes = new AsyncLocalStorage<HandlerScope>();

/** Returns the scope of the current asynchronous context, even after the scope has ended. */
export function currentScope(): HandlerScope | undefined {
  return scopes.getStore();
}

/** Runs a function outside any scope. */
export function runOutsideScopes<Result>(work: () => Result): Result {
  return scopes.exit(work);
}

/**
 * Runs user code in a new scope, so that an error that escapes it can be attributed to its event.
 *
 * @param context its signal aborts when the time is up
 * @param work receives a signal that aborts when the context's signal aborts or the scope fails
 * @throws {Error} what `work` throws, the error of the failed scope, and the signal's reason if it aborts first; in the
 *   last two cases `work` continues, and its result is ignored
 */
export async function runInScope<Result>(
  { log, signal }: Pick<CallbackContext, 'log' | 'signal'>,
  work: (signal: AbortSignal) => Result | Promise<Result>,
): Promise<Result> {
  let hasEnded = false;
  const failure = new AbortController();
  const scope: HandlerScope = {
    log,
    fail(error) {
      if (hasEnded || failure.signal.aborted) return false;
      // For `undefined`, `abort` would create a meaningless reason.
      failure.abort(error === undefined ? new Error('A promise was rejected with undefined') : error);
      return true;
    },
  };
  const timeoutOrFailure = AbortSignal.any([signal, failure.signal]);
  try {
    return await rejectOnAbort(
      timeoutOrFailure,
      scopes.run(scope, async () => work(timeoutOrFailure)),
    );
  } catch (thrown) {
    throw toSafeError(thrown);
  } finally {
    hasEnded = true;
  }
}
