import { handleUnhandledErrors } from '../lib/handler-runtime/unhandled-errors.ts';
import { createWebhook } from '../lib/webhook/webhook.ts';

handleUnhandledErrors();

/** Receives the platform's HTTP requests from API Gateway or a function URL. */
export const handler = createWebhook((type) => import(`./handlers/callbacks/${type}.ts`));
