import { handleUnhandledErrors } from '../lib/handler-runtime/unhandled-errors.ts';
import { createPrimedWorker } from '../lib/worker/primed-worker.ts';

handleUnhandledErrors();

/** Consumes the events queue. The bundler turns each `import()` into a closed map of the modules that exist. */
export const handler = await createPrimedWorker({
  v2: (type) => import(`./handlers/v2/${type}.ts`),
  v1: (type) => import(`./handlers/v1/${type}.ts`),
  // A pattern, because `fallback.ts` is optional. It must not match the folders.
  fallback: (name) => import(`./handlers/fall${name.slice('fall'.length)}.ts`),
});
