import { handleUnhandledErrors } from '../lib/handler-runtime/unhandled-errors.ts';
import { createWorker } from '../lib/worker/worker.ts';

handleUnhandledErrors();

/** Works the events queue. The bundler makes each `import()` a closed map of the modules that exist. */
export const handler = createWorker({
  v2: (type) => import(`./handlers/v2/${type}.ts`),
  v1: (type) => import(`./handlers/v1/${type}.ts`),
  // A pattern, since `fallback.ts` need not exist; and one that leaves the folders out.
  fallback: (name) => import(`./handlers/fall${name.slice('fall'.length)}.ts`),
});
