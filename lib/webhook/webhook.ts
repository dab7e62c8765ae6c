import { type Environment, readRequired, readWebhookSecrets } from '../config.ts';
import { FeishuError } from '../feishu/errors.ts';
import { readRequest, type WebhookSecrets } from '../feishu/request.ts';
import { callbackTypesOf } from '../handler-runtime/callback-types.ts';
import type { ImportModule } from '../handler-runtime/find-handler.ts';
import { CALLBACK_MODULES } from '../handler-runtime/handler-modules.ts';
import { createCallbackResponder } from '../intake/callbacks.ts';
import { createQueue } from '../intake/event-queue.ts';
import { createIntake, type Intake } from '../intake/intake.ts';
import type { SqsSender } from '../intake/sqs-sender.ts';
import { createUnreadableIntake } from '../intake/unreadable-events.ts';
import { type Rejected, rejectedChannel } from '../observability/diagnostics-channels.ts';
import { createLog } from '../observability/log.ts';
import { type WebhookOutcome, writeAccessLog } from './access-log.ts';
import { type HttpEvent, type HttpRequest, type HttpResponse, jsonResponse, readHttpEvent } from './http.ts';

/** The platform sends its first retry after this time. */
const RETRY_AFTER_SECONDS = 15;

const SUCCESS = { msg: 'success' };

/** A request id from a header is logged only if it is a plain identifier. */
const IDENTIFIER = /^[\w.:=-]{1,128}$/;

interface Accepted extends Pick<WebhookOutcome, 'result' | 'header'> {
  body: object;
}

export interface WebhookParts {
  /** @throws {FeishuError} if the configuration is invalid; called again for the next request */
  configure: () => { secrets: WebhookSecrets; intake: Intake };
  callbackTypes: ReadonlySet<string>;
  /** Stores an authentic event with an unknown envelope. */
  storeUnreadable: ReturnType<typeof createUnreadableIntake>;
  writeLog: (outcome: WebhookOutcome) => void;
}

/**
 * Creates the function that receives the platform's HTTP requests.
 *
 * @param importCallback imports a module of `functions/handlers/callbacks`
 * @param callbackModules the modules in `functions/handlers/callbacks`, for example `card.action.trigger`
 * @param sender sends the queue messages; default: a new SQS client
 */
export function createWebhook(
  importCallback: ImportModule,
  environment: Environment = process.env,
  callbackModules = CALLBACK_MODULES,
  sender?: SqsSender,
) {
  let configured: ReturnType<WebhookParts['configure']> | undefined;
  return createRequestHandler({
    // Stored only on success, so that each request reports a configuration error until it is fixed.
    configure: () =>
      (configured ??= {
        secrets: readWebhookSecrets(environment),
        intake: createIntake({
          queue: createQueue(readRequired(environment, 'QUEUE_URL'), environment, sender),
          respondToCallback: createCallbackResponder(importCallback, environment),
          createLog: (fields) => createLog(environment.LOG_LEVEL, fields),
        }),
      }),
    callbackTypes: callbackTypesOf(callbackModules),
    storeUnreadable: createUnreadableIntake(environment, sender),
    writeLog(outcome) {
      writeAccessLog(outcome, environment.POWERTOOLS_SERVICE_NAME);
      publishRejection(outcome);
    },
  });
}

/** Creates the webhook from its parts. */
export function createRequestHandler({ configure, callbackTypes, storeUnreadable, writeLog }: WebhookParts) {
  const accept = async (request: HttpRequest, requestId: string | undefined): Promise<Accepted> => {
    const { secrets, intake } = configure();
    const delivery = readRequest(request, secrets, Date.now(), callbackTypes);
    if (delivery.kind === 'url-verification') {
      return { result: 'url-verified', body: { challenge: delivery.challenge } };
    }
    const received = { text: delivery.text, source: 'webhook', receivedAt: request.receivedAt, requestId } as const;
    if (delivery.kind === 'unreadable') {
      await storeUnreadable({ ...received, problem: delivery.problem });
      return { result: 'accepted', body: SUCCESS };
    }
    const { envelope } = delivery;
    const callbackResponse = await intake({ ...received, envelope });
    return { result: 'accepted', header: envelope.header, body: callbackResponse ?? SUCCESS };
  };

  return async (event: HttpEvent): Promise<HttpResponse> => {
    const request = readHttpEvent(event, Date.now());
    const requestId = readRequestId(request);
    const record = (outcome: Pick<WebhookOutcome, 'result' | 'header' | 'error'>) =>
      writeLog({ ...outcome, requestId, milliseconds: Date.now() - request.receivedAt });
    try {
      const { body, ...outcome } = await accept(request, requestId);
      record(outcome);
      return jsonResponse(200, body);
    } catch (cause) {
      const error = toFeishuError(cause);
      record({ result: 'rejected', error });
      return errorResponse(error);
    }
  };
}

function publishRejection({ error, milliseconds }: WebhookOutcome): void {
  if (error === undefined) return;
  const { code, reason } = error;
  const receivedAt = new Date(Date.now() - milliseconds).toISOString();
  rejectedChannel.publish({ code, reason, receivedAt } satisfies Rejected);
}

function errorResponse({ status, code, message }: FeishuError): HttpResponse {
  const headers = status === 503 ? { 'retry-after': String(RETRY_AFTER_SECONDS) } : {};
  return jsonResponse(status, { code, msg: message }, headers);
}

function toFeishuError(error: unknown): FeishuError {
  if (error instanceof FeishuError) return error;
  const message = 'Internal error. The platform will resend the event. See the log for the cause.';
  return new FeishuError('FEISHU_INTERNAL_ERROR', message, { cause: error });
}

function readRequestId({ headers }: HttpRequest): string | undefined {
  return [headers['x-request-id'], headers['x-tt-logid']].find((id) => id !== undefined && IDENTIFIER.test(id));
}
