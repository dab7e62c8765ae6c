import { currentScope } from '../handler-runtime/handler-scope.ts';

const EVENTS = ['unhandledRejection', 'uncaughtException'] as const;
type ProcessEvent = (typeof EVENTS)[number];
type Listener = (error: unknown, detail: unknown) => void;

let users = 0;
let restore = () => {};

/**
 * Fails a handler that is running when an error escapes it, as the deployed functions do. All other errors go to the
 * listeners that were there before, which are the test runner's: it fails the test run and shows the error.
 *
 * @returns disposing of it puts the earlier listeners back once no other run needs this
 */
export function catchEscapedErrors(): Disposable {
  if (users === 0) {
    const restorers = EVENTS.map(replaceListeners);
    restore = () => restorers.forEach((restoreOne) => void restoreOne());
  }
  users += 1;
  return {
    [Symbol.dispose]() {
      users -= 1;
      if (users === 0) restore();
    },
  };
}

function replaceListeners(name: ProcessEvent): () => void {
  const earlier = process.rawListeners(name) as Listener[];
  const listener: Listener = (error, detail) => {
    if (currentScope()?.fail(error)) return;
    // What Node does about an error that nothing listens for.
    if (earlier.length === 0) throw error;
    for (const earlierListener of earlier) earlierListener.call(process, error, detail);
  };
  process.removeAllListeners(name);
  process.on(name as 'unhandledRejection', listener);
  return () => {
    process.off(name, listener);
    for (const earlierListener of earlier) process.on(name as 'unhandledRejection', earlierListener);
  };
}
