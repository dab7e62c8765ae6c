import { errorFields } from '../../observability/error-fields.ts';
import { markConsoleOutput } from '../functions/console-output.ts';
import type { InvocationMessage, InvocationRequest } from './invocation.ts';

// Emulates a Lambda execution environment in a child process: loads a function and runs it once.

type Handler = (event: unknown, context: object) => unknown;

const send = (message: InvocationMessage, onSent = () => {}) => process.send?.(message, onSent);
let handler: Handler;

markConsoleOutput();
process.once('disconnect', () => process.exit());
process.on('message', async (request: InvocationRequest) => {
  try {
    if (request.kind === 'load') await load(request);
    else await invoke(request);
  } catch (error) {
    end({ error: describe(error) });
  }
});

async function load({ moduleUrl, exportName, source }: InvocationRequest & { kind: 'load' }): Promise<void> {
  const exports = await import(moduleUrl);
  handler = exports[exportName] ?? exports.default?.[exportName];
  if (typeof handler !== 'function') {
    end({ error: `${source} does not export a function named "${exportName}"` });
    return;
  }
  send('loaded');
}

async function invoke({ event, context, endsAt }: InvocationRequest & { kind: 'invoke' }): Promise<void> {
  const result = await handler(event, { ...context, getRemainingTimeInMillis: () => endsAt - Date.now() });
  // As on Lambda, a function that returns nothing has the result null.
  end({ result: JSON.stringify(result) ?? 'null' });
}

/** Lambda also stops timers and connections once it has the result. */
function end(outcome: InvocationMessage): void {
  send(outcome, () => process.exit());
}

/** Omits the frames of this module and of Node. */
function describe(error: unknown): string {
  const { error: reason, stack = '', cause } = errorFields(error);
  const frames = stack.split('\n').filter((line) => /^ {4}at /.test(line));
  const end = frames.findIndex((line) => line.includes(import.meta.filename));
  return [reason, ...frames.slice(0, end < 0 ? undefined : end), ...(cause ? [`Caused by ${cause}`] : [])].join('\n');
}
