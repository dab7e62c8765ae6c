import { currentScope } from '../handler-runtime/handler-scope.ts';

const EVENTS = ['unhandledRejection', 'uncaughtException'] as const;
type ProcessEvent = (typeof EVENTS)[number];
type Listener = (error: unknown, detail: unknown) => void;

let activeRuns = 0;
let restore = () => {};

/**
 * Fails the running handler that an error escapes from, as the deployed functions do. Other errors go to the existing
 * listeners, which are the test runner's: it reports the error and fails the test run.
 *
 * @returns a disposable that restores the listeners once no other run is active
 */
export function catchEscapedErrors(): Disposable {
  if (activeRuns === 0) {
    const restorers = EVENTS.map(replaceListeners);
    restore = () => restorers.forEach((restoreOne) => void restoreOne());
  }
  activeRuns += 1;
  return {
    [Symbol.dispose]() {
      activeRuns -= 1;
      if (activeRuns === 0) restore();
    },
  };
}

function replaceListeners(name: ProcessEvent): () => void {
  const original = process.rawListeners(name) as Listener[];
  const listener: Listener = (error, detail) => {
    if (currentScope()?.fail(error)) return;
    // Without listeners, Node throws the error.
    if (original.length === 0) throw error;
    for (const originalListener of original) originalListener.call(process, error, detail);
  };
  process.removeAllListeners(name);
  process.on(name as 'unhandledRejection', listener);
  return () => {
    process.off(name, listener);
    for (const originalListener of original) process.on(name as 'unhandledRejection', originalListener);
  };
}
