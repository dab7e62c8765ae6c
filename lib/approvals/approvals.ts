import type { Environment } from '../config.ts';
import { readApprovalRequest } from '../feishu/approval-request.ts';
import { encrypt } from '../feishu/cipher.ts';
import { ApprovalError, type ApprovalHandler, type Log } from '../handler.ts';
import { findHandler, type ImportModule } from '../handler-runtime/find-handler.ts';
import { runInScope } from '../handler-runtime/handler-scope.ts';
import { errorFields } from '../observability/error-fields.ts';
import { createLog } from '../observability/log.ts';
import { startDeadline } from '../util/deadline.ts';
import { type HttpEvent, type HttpResponse, jsonResponse, readHttpEvent } from '../webhook/http.ts';
import { runApproval } from './run-approval.ts';
import { APPROVAL_TIME_LIMIT_MILLISECONDS } from './time-limits.ts';

const SOMETHING_WENT_WRONG = '出错了，请重试。Something went wrong. Please try again.';

/**
 * Creates the function that responds to the requests of Approval, each of which has a URL with secrets of its own.
 *
 * @param importModule imports a module of `functions/handlers/approvals`
 */
export function createApprovals(importModule: ImportModule, environment: Environment = process.env) {
  return async (event: HttpEvent): Promise<HttpResponse> => {
    const now = Date.now();
    const name = moduleNameOf(event);
    const service = environment.POWERTOOLS_SERVICE_NAME ?? 'feishu-events';
    const log = createLog(environment.LOG_LEVEL, { service, approval: name });
    try {
      const handler = await loadHandler(importModule, name, log);
      if (handler === undefined) return failure(404, 'functions/handlers/approvals has no module for this URL.');
      return await respond(handler, event, { now, log });
    } catch (error) {
      log.error('The request of Approval failed', errorFields(error));
      return failure(500, SOMETHING_WENT_WRONG);
    }
  };
}

async function loadHandler(importModule: ImportModule, name: string, log: Log): Promise<ApprovalHandler | undefined> {
  using deadline = startDeadline(APPROVAL_TIME_LIMIT_MILLISECONDS['quick-approval']);
  return await runInScope({ log, signal: deadline.signal }, () => findHandler(importModule, 'approvals', name));
}

async function respond(
  handler: ApprovalHandler,
  event: HttpEvent,
  { now, log }: { now: number; log: Log },
): Promise<HttpResponse> {
  const limitMilliseconds = APPROVAL_TIME_LIMIT_MILLISECONDS[handler.type];
  const { body, receivedAt } = readHttpEvent(event, now, limitMilliseconds);
  const secrets = readSecrets(handler);
  // Only the documentation of quick approvals says that requests are encrypted; that of options shows only plain ones.
  const { text, reason } = readApprovalRequest(body, secrets, handler.type === 'quick-approval');
  if (text === undefined) {
    log.warn('Rejected a request that is not from Approval, or has another token or key', { reason });
    return failure(401, 'The token or the key differs from the one that the module has.');
  }
  using deadline = startDeadline(receivedAt + limitMilliseconds - Date.now());
  try {
    const result = await runApproval(handler, text, { log, signal: deadline.signal });
    log.info('Responded to Approval', { milliseconds: Date.now() - receivedAt });
    return jsonResponse(200, handler.type === 'options' ? optionsResponse(result, secrets.key) : result);
  } catch (error) {
    if (!(error instanceof ApprovalError)) throw error;
    // Not the message, which is for the user.
    log.info('The handler rejected the request of Approval', { milliseconds: Date.now() - receivedAt });
    return failure(handler.type === 'options' ? 200 : 422, error.message);
  }
}

/** @throws {Error} if a secret is empty: a missing key must not turn encryption off */
function readSecrets({ settings }: ApprovalHandler) {
  const { token, key } = settings;
  if (!token) throw new Error('The module has no token. Is the variable that contains it set?');
  if ('key' in settings && !key)
    throw new Error('The key of the module is empty. Is the variable that contains it set?');
  return { token, key };
}

function optionsResponse(result: object, key: string | undefined): object {
  const encoded = key === undefined ? result : encrypt(JSON.stringify(result), key);
  return { code: 0, msg: 'success', data: { result: encoded } };
}

/**
 * Creates the response that both contracts define: options have failed if `code` is not 0. A quick approval has failed
 * if the status is above 400, and the user sees `message` if `without_prefix` is "true", which is documented as a string.
 */
function failure(status: number, message: string): HttpResponse {
  return jsonResponse(status, { code: status === 200 ? 1 : status, msg: message, message, without_prefix: 'true' });
}

function moduleNameOf(event: HttpEvent): string {
  const path = 'rawPath' in event ? event.rawPath : event.path;
  return path.slice(path.lastIndexOf('/') + 1);
}
