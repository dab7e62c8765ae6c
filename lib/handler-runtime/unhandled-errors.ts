import { errorFields } from '../observability/error-fields.ts';
import { createLog } from '../observability/log.ts';
import { currentScope, runOutsideScopes } from './handler-scope.ts';

/** The exit code after an exception that no handler caused. Node's default is the same. */
const EXIT_CODE = 1;

/**
 * Prevents errors that escape a handler from ending the process, which also processes other events: nine in a worker's
 * batch, twenty on a long connection. Each entry point calls it once, before it loads any handler module.
 *
 * It replaces the existing listeners. By default Node ends the process. AWS's runtime clients up to version 3 register
 * listeners that do the same before they load the function; version 4 registers none.
 *
 * - **Unhandled rejection.** If its event is still running, it fails that event. Otherwise it is logged, with the event
 *   whose handler caused it, if one did. The process continues, because a rejection interrupts no other code.
 * - **Uncaught exception**, for example thrown in a timer or an event listener. If a handler caused it, it is treated
 *   like a rejection. Node advises against continuing, because the exception unwound frames that were not prepared for
 *   it. Here those frames are the handler's callback and its caller, a timer or a socket of that handler. Ending the
 *   process would fail all other events, again at each retry, and one button whose handler throws would interrupt the
 *   long connection at each click. If no handler caused it, it may have interrupted the connection or the runtime, so
 *   the process ends and is replaced.
 *
 * @see https://nodejs.org/api/process.html#warning-using-uncaughtexception-correctly
 */
export function handleUnhandledErrors(): void {
  const { LOG_LEVEL, POWERTOOLS_SERVICE_NAME } = process.env;
  const log = createLog(LOG_LEVEL, { service: POWERTOOLS_SERVICE_NAME ?? 'feishu-events' });
  for (const name of ['unhandledRejection', 'uncaughtException'] as const) process.removeAllListeners(name);
  process.on('unhandledRejection', (reason) => {
    if (!attribute(reason)) log.error('Unhandled promise rejection', errorFields(reason));
  });
  process.on('uncaughtException', (error) => {
    if (attribute(error)) return;
    log.error('Uncaught exception: the process exits', errorFields(error));
    process.exit(EXIT_CODE);
  });
}

/** Fails or logs the event that caused the error. Returns `false` if no handler caused it. */
function attribute(error: unknown): boolean {
  const scope = currentScope();
  if (scope === undefined) return false;
  if (scope.fail(error)) return true;
  // Outside the scope, so that an error of writing the log does not lead here again.
  runOutsideScopes(() =>
    scope.log.error(
      'An error escaped the handler after its event had ended. Await all promises, and catch errors in timers and event listeners.',
      errorFields(error),
    ),
  );
  return true;
}
