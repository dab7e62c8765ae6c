import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { WebhookRequest, WebhookSecrets } from '../../lib/feishu/request.ts';
import type { Emulators } from '../../lib/local/emulators/emulators.ts';
import type { HttpEvent } from '../../lib/webhook/http.ts';
import { createWebhook } from '../../lib/webhook/webhook.ts';
import { toHttpEvent } from './http-events.ts';

type ImportCallback = Parameters<typeof createWebhook>[0];
type ToEvent = (request: WebhookRequest) => HttpEvent;

/** Sends a request to the webhook function as API Gateway does, and returns its response and what it queued. */
export async function postToWebhook(
  { queueUrl, sqs }: Emulators,
  { encryptKeys, verificationTokens }: WebhookSecrets,
  request: WebhookRequest,
  { importCallback = noCallbacks, toEvent = toHttpEvent }: { importCallback?: ImportCallback; toEvent?: ToEvent } = {},
) {
  const webhook = createWebhook(importCallback, {
    FEISHU_ENCRYPT_KEY: encryptKeys.join(','),
    FEISHU_VERIFICATION_TOKEN: verificationTokens.join(','),
    QUEUE_URL: queueUrl,
  });
  const { statusCode, body } = await webhook(toEvent(request));
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }));
  const queued = Messages.map(({ Body = '' }) => unescapeSurrogates(Body));
  return { status: statusCode, body: JSON.parse(body), queued };
}

/** An import of callback modules that finds none. */
function noCallbacks(): never {
  throw new Error('There is no such module');
}

/** The emulator rejects characters above U+FFFF, which SQS accepts, so they are queued escaped. */
function unescapeSurrogates(text: string): string {
  return text.replace(/(\\ud[89a-f][0-9a-f]{2})+/g, (escaped) => JSON.parse(`"${escaped}"`));
}
