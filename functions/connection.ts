import { runConnection } from '../lib/connection.ts';

// Keeps the long connection, on Fargate or on a laptop, until SIGTERM or SIGINT.

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());

process.exitCode = await runConnection((type) => import(`./handlers/callbacks/${type}.ts`), stopping.signal);
