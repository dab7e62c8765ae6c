/** A signal that aborts after a time limit. Disposing of it clears the timer. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
}

/** `npm start` adds this to the functions' environment under a debugger, which may pause them indefinitely. */
export const NO_DEADLINES = { NO_DEADLINES: 'true' };

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

/** @returns the time limit in milliseconds, or one day under a debugger */
export function limitUnlessDebugging(milliseconds: number): number {
  return process.env.NO_DEADLINES === NO_DEADLINES.NO_DEADLINES ? DAY_MILLISECONDS : milliseconds;
}

/**
 * Starts a deadline the given number of milliseconds from now, or one day under a debugger. One that has passed aborts
 * immediately.
 */
export function startDeadline(milliseconds: number): Deadline {
  const limit = limitUnlessDebugging(Math.max(0, milliseconds));
  const controller = new AbortController();
  // AbortSignal.timeout would not keep the event loop alive, and Lambda ends a function with an empty event loop even
  // if a handler has not settled yet.
  const timer = setTimeout(() => {
    controller.abort(new DOMException(`Timed out after ${Math.round(limit)} ms`, 'TimeoutError'));
  }, limit);
  return { signal: controller.signal, [Symbol.dispose]: () => clearTimeout(timer) };
}

/**
 * Waits for work that may ignore the signal.
 *
 * @throws the signal's reason if it aborts first; the work then continues unobserved
 */
export function rejectOnAbort<Result>(signal: AbortSignal, work: Result | Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    Promise.resolve(work)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}
