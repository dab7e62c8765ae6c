import { runConnection } from '../lib/connection/connection.ts';
import { handleUnhandledErrors } from '../lib/handler-runtime/unhandled-errors.ts';

// Maintains the long connection, on Fargate or on a laptop, until SIGTERM or SIGINT.

handleUnhandledErrors();

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());

/** Leaves time for the last output to be written. */
const EXIT_WITHIN_MILLISECONDS = 1000;

process.exitCode = await runConnection((type) => import(`./handlers/callbacks/${type}.ts`), stopping.signal);
// A timer or socket that a callback handler left open would keep the process alive until it is killed.
setTimeout(() => process.exit(), EXIT_WITHIN_MILLISECONDS).unref();
