import { handleUnhandledErrors } from '../lib/handler-runtime/unhandled-errors.ts';
import { createPrimedWebhook } from '../lib/webhook/primed-webhook.ts';

handleUnhandledErrors();

/** Receives the platform's HTTP requests from API Gateway or a function URL. */
export const handler = await createPrimedWebhook((type) => import(`./handlers/callbacks/${type}.ts`));
