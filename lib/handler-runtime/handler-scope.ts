import { AsyncLocalStorage } from 'node:async_hooks';
import type { CallbackContext } from '../handler.ts';
import { settleBefore } from '../util/deadline.ts';
import { toSafeError } from './thrown-values.ts';

/** What runs on behalf of one event: the loading of a handler module, or the handler itself. */
export interface HandlerScope {
  /** Names the event. */
  readonly log: CallbackContext['log'];
  /**
   * Fails what runs in the scope.
   *
   * @returns `false` if it has already ended or failed
   */
  fail(error: unknown): boolean;
}

const scopes = new AsyncLocalStorage<HandlerScope>();

/** The scope that the current asynchronous context belongs to, even after the scope's work has ended. */
export function currentScope(): HandlerScope | undefined {
  return scopes.getStore();
}

/** Runs a function that belongs to no scope. */
export function runOutsideScopes<Result>(work: () => Result): Result {
  return scopes.exit(work);
}

/**
 * Runs a user's code in a scope of its own, so that an error that escapes it can be attributed to its event.
 *
 * @param context the log names the event; the signal aborts when there is no time left
 * @param work gets a signal that aborts when the context's does and when the scope fails
 * @throws {Error} what `work` throws, what the scope fails with, and the signal's reason if it aborts first; `work` then
 *   continues unobserved
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
      // Without a reason, `abort` makes up one that says nothing.
      failure.abort(error === undefined ? new Error('A promise was rejected with undefined') : error);
      return true;
    },
  };
  const either = AbortSignal.any([signal, failure.signal]);
  try {
    return await settleBefore(
      either,
      scopes.run(scope, async () => work(either)),
    );
  } catch (thrown) {
    throw toSafeError(thrown);
  } finally {
    hasEnded = true;
  }
}
