import { type Environment, readRequired } from '../config.ts';
import { CALLBACK_TYPES } from '../feishu/envelope.ts';
import { writeRequest } from '../feishu/request.ts';
import type { ImportModule } from '../handler-runtime/find-handler.ts';
import { createQueue } from '../intake/event-queue.ts';
import { createIntake } from '../intake/intake.ts';
import { createSqsSender, type SqsSender } from '../intake/sqs-sender.ts';
import { createLog, formatLine } from '../observability/log.ts';
import { writeAccessLog } from './access-log.ts';
import type { HttpEvent } from './http.ts';
import { createRequestHandler, createWebhook } from './webhook.ts';

const ENCRYPT_KEY = 'rehearsal';

/** An event with the fields and the length of a message. The code for longer messages would not run for a shorter one. */
const TEXT = JSON.stringify({
  schema: '2.0',
  header: { event_id: '', event_type: 'im.message.receive_v1', tenant_key: '', app_id: '' },
  event: { message: { message_id: '', chat_id: '', content: 'x'.repeat(800) } },
});

/**
 * Creates the webhook in the init phase and prepares its first event: Lambda gives the init phase a full vCPU, but an
 * invocation with 512 MB only 29% of one.
 *
 * @param importCallback imports a module of `functions/handlers/callbacks`
 */
export async function createPrimedWebhook(importCallback: ImportModule, environment: Environment = process.env) {
  const sender = createSqsSender();
  await rehearse(sender, environment).catch(() => {
    // The first request reports what is wrong.
  });
  return createWebhook(importCallback, environment, undefined, sender);
}

/**
 * Runs an event through the webhook, from the HTTP request to the log line, and connects to SQS. Nothing becomes visible:
 * the event has its own key, its message is not sent, and its log line is not written.
 */
async function rehearse({ rehearse, connected, client }: SqsSender, environment: Environment): Promise<void> {
  const intake = createIntake({
    queue: createQueue(readRequired(environment, 'QUEUE_URL'), environment, { send: rehearse, client }),
    respondToCallback: async () => ({}),
    createLog: (fields) => createLog(environment.LOG_LEVEL, fields),
    onAccepted() {},
  });
  const handle = createRequestHandler({
    configure: () => ({ secrets: { encryptKeys: [ENCRYPT_KEY], verificationTokens: [] }, intake }),
    callbackTypes: CALLBACK_TYPES,
    storeUnreadable: async () => {},
    writeLog: (outcome) => writeAccessLog(outcome, environment.POWERTOOLS_SERVICE_NAME, formatLine),
  });
  const { headers, body } = writeRequest(TEXT, { encryptKey: ENCRYPT_KEY }, Date.now());
  await handle({ headers, body: body.toString('utf8') } as HttpEvent);
  await connected();
}
