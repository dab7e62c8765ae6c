/** A signal that aborts when the time is up. Disposing of it ends the timer. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
}

/** `npm start` sets this in the functions' environment under a debugger, which may pause them for any time. */
export const NO_DEADLINES = { NO_DEADLINES: 'true' };

const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

/** @returns the time limit in milliseconds; a day under a debugger */
export function limitUnlessDebugging(milliseconds: number, environment = process.env): number {
  return environment.NO_DEADLINES === NO_DEADLINES.NO_DEADLINES ? DAY_MILLISECONDS : milliseconds;
}

/** @param milliseconds from now */
export function startDeadline(milliseconds: number): Deadline {
  const controller = new AbortController();
  // Not AbortSignal.timeout: its timer does not keep the event loop alive, and Lambda ends a function whose event loop
  // is empty, although a handler has not settled yet.
  const timer = setTimeout(() => {
    controller.abort(new DOMException(`Not done within ${Math.round(milliseconds)} ms`, 'TimeoutError'));
  }, milliseconds);
  return { signal: controller.signal, [Symbol.dispose]: () => clearTimeout(timer) };
}

/**
 * Waits for work that may not heed the signal itself.
 *
 * @throws the signal's reason when it aborts first; the work then goes on unobserved
 */
export function settleBefore<Result>(signal: AbortSignal, work: Result | Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    Promise.resolve(work)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}
