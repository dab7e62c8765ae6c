import inspector from 'node:inspector';
import { NO_DEADLINES } from '../util/deadline.ts';

/** The maximum visibility timeout of SQS: the longest that a breakpoint may hold an event. */
const DEBUGGING_TIMEOUT_SECONDS = 12 * 60 * 60;

/** Variables through which debuggers attach to child processes. */
const DEBUGGER_VARIABLES = ['NODE_OPTIONS', 'VSCODE_INSPECTOR_OPTIONS'];

/** Returns whether this process runs under a debugger, which can pause it and its threads. */
export function isDebugging(): boolean {
  return inspector.url() !== undefined;
}

/** Returns the timeout, or 12 hours under a debugger. */
export function timeoutUnlessDebugging(seconds: number): number {
  return isDebugging() ? DEBUGGING_TIMEOUT_SECONDS : seconds;
}

/** Returns environment variables for functions that turn off their deadlines under a debugger. */
export function debuggingEnvironment(): Record<string, string> {
  return isDebugging() ? NO_DEADLINES : {};
}

/** Returns the options to start a child process with so that this process's debugger attaches to it too. */
export function debuggingOptions(): { execArgv: string[]; environment: Record<string, string> } {
  if (!isDebugging()) return { execArgv: [], environment: {} };
  const variables = DEBUGGER_VARIABLES.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  const hasOption = process.execArgv.some((option) => option.startsWith('--inspect'));
  return {
    // Any free port: this process already uses the default one.
    execArgv: hasOption ? ['--inspect=127.0.0.1:0'] : [],
    environment: Object.fromEntries(variables),
  };
}
