import { runConnection } from '../lib/connection/connection.ts';
import { handleUnhandledErrors } from '../lib/handler-runtime/unhandled-errors.ts';

// Keeps the long connection, on Fargate or on a laptop, until SIGTERM or SIGINT.

handleUnhandledErrors();

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());

/** What is written last gets out within this time. */
const EXIT_WITHIN_MILLISECONDS = 1000;

process.exitCode = await runConnection((type) => import(`./handlers/callbacks/${type}.ts`), stopping.signal);
// A timer or a socket that a callback's handler left behind would keep the program alive until it is killed.
setTimeout(() => process.exit(), EXIT_WITHIN_MILLISECONDS).unref();
