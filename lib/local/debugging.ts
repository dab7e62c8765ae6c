import inspector from 'node:inspector';
import { NO_DEADLINES } from '../util/deadline.ts';

/** The longest visibility timeout of SQS. A breakpoint may hold an event for as long. */
const DEBUGGING_TIMEOUT_SECONDS = 12 * 60 * 60;

/** What debuggers start the programs of a program with. */
const DEBUGGER_VARIABLES = ['NODE_OPTIONS', 'VSCODE_INSPECTOR_OPTIONS'];

/** Whether a debugger may pause this process, and the threads in it. */
export function isDebugging(): boolean {
  return inspector.url() !== undefined;
}

/** @returns the timeout; under a debugger, one that does not matter */
export function timeoutUnlessDebugging(seconds: number): number {
  return isDebugging() ? DEBUGGING_TIMEOUT_SECONDS : seconds;
}

/** What functions get in their environment so that no deadline applies to them under a debugger. */
export function debuggingEnvironment(): Record<string, string> {
  return isDebugging() ? NO_DEADLINES : {};
}

/** How a program is started so that the debugger of this process reaches it too. */
export function debuggingOptions(): { execArgv: string[]; environment: Record<string, string> } {
  if (!isDebugging()) return { execArgv: [], environment: {} };
  const variables = DEBUGGER_VARIABLES.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  const hasOption = process.execArgv.some((option) => option.startsWith('--inspect'));
  return {
    // The port of this process is taken.
    execArgv: hasOption ? ['--inspect=127.0.0.1:0'] : [],
    environment: Object.fromEntries(variables),
  };
}
