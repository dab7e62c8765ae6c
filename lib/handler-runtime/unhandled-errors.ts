import { errorFields } from '../observability/error-fields.ts';
import { createLog } from '../observability/log.ts';
import { currentScope, runOutsideScopes } from './handler-scope.ts';

/** `process.exit`'s code when nothing is known about what an exception interrupted. Node's default is the same. */
const EXIT_CODE = 1;

/**
 * Keeps an error that escapes a handler from ending the process, which also works on other people's events: nine in a
 * worker's batch, twenty on a long connection. Each entry point calls it once, before any handler module is loaded.
 *
 * It replaces the listeners that exist. Node's default is to end the process; runtime clients of AWS up to version 3
 * register listeners that do the same before they load the function, version 4 registers none.
 *
 * - **Unhandled rejection.** While its event is running, it fails that event. Otherwise it is logged, with the event if
 *   the handler of one caused it, and the process goes on: a rejection has interrupted no other code.
 * - **Uncaught exception**, such as one thrown in a timer or an event listener. If a handler caused it, it is treated
 *   like a rejection. Node warns against going on, because the exception has unwound frames that were not prepared for
 *   it. Those frames are the handler's own callback and whatever called it, a timer or a socket of that handler. Ending
 *   the process would certainly fail everybody else's events, again at each retry, and for the long connection one
 *   button that throws would mean an outage at each click. If no handler caused it, the interrupted code may be the
 *   connection's or the runtime's, so the process ends and is replaced.
 *
 * @see https://nodejs.org/api/process.html#warning-using-uncaughtexception-correctly
 */
export function handleUnhandledErrors(): void {
  const { LOG_LEVEL, POWERTOOLS_SERVICE_NAME } = process.env;
  const log = createLog(LOG_LEVEL, { service: POWERTOOLS_SERVICE_NAME ?? 'feishu-events' });
  for (const name of ['unhandledRejection', 'uncaughtException'] as const) process.removeAllListeners(name);
  process.on('unhandledRejection', (reason) => {
    if (!attribute(reason)) log.error('A promise was rejected, and nothing handles the rejection', errorFields(reason));
  });
  process.on('uncaughtException', (error) => {
    if (attribute(error)) return;
    log.error('An uncaught exception ends the process', errorFields(error));
    process.exit(EXIT_CODE);
  });
}

/** @returns whether a handler caused the error */
function attribute(error: unknown): boolean {
  const scope = currentScope();
  if (scope === undefined) return false;
  if (scope.fail(error)) return true;
  // Outside the scope: if the log cannot be written, that error must not lead here again.
  runOutsideScopes(() =>
    scope.log.error(
      'An error escaped the handler after its event had ended. Await every promise, and catch errors in timers and event listeners.',
      errorFields(error),
    ),
  );
  return true;
}
