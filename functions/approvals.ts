import { createApprovals } from '../lib/approvals/approvals.ts';
import { handleUnhandledErrors } from '../lib/handler-runtime/unhandled-errors.ts';

handleUnhandledErrors();

/** Responds to the requests of Approval. Deployed only if `functions/handlers/approvals` contains a module. */
export const handler = createApprovals((name) => import(`./handlers/approvals/${name}.ts`));
