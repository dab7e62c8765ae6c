import type { EventHeader } from '../feishu/envelope.ts';
import type { ErrorCode, FeishuError } from '../feishu/errors.ts';
import { embeddedMetrics, type MetricValues } from '../observability/embedded-metrics.ts';
import { errorFields } from '../observability/error-fields.ts';
import { writeLine } from '../observability/log.ts';
import { shorten } from '../observability/log-text.ts';

/** The outcome of one HTTP request. */
export interface WebhookOutcome {
  result: 'accepted' | 'url-verified' | 'rejected';
  /** The header of a verified event. */
  header?: EventHeader;
  /** Why the request was rejected. */
  error?: FeishuError;
  requestId: string | undefined;
  /** From the arrival at the gateway to the response. */
  milliseconds: number;
}

/**
 * The codes of requests that are not from the platform, or that it signed or encrypted with another key. An alarm counts
 * them, because no other metric shows that the app's key has changed.
 */
const UNVERIFIED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'FEISHU_SIGNATURE_MISSING',
  'FEISHU_SIGNATURE_WRONG',
  'FEISHU_TOKEN_WRONG',
  'FEISHU_BODY_NOT_DECRYPTABLE',
  'FEISHU_BODY_NOT_ENCRYPTED',
  'FEISHU_ENCRYPT_KEY_MISSING',
]);

/** Writes the log line of a request, which includes its metrics. */
export function writeAccessLog(
  outcome: WebhookOutcome,
  service = 'feishu-events',
  write: (fields: Record<string, unknown>) => unknown = writeLine,
): void {
  const { result, header, error, requestId, milliseconds } = outcome;
  write({
    ...embeddedMetrics(metricValues(outcome), error ? [['service'], ['service', 'code']] : [['service']]),
    level: error === undefined ? 'INFO' : error.status < 500 ? 'WARN' : 'ERROR',
    message: result,
    timestamp: new Date().toISOString(),
    service,
    milliseconds,
    request_id: requestId,
    event_id: shorten(header?.id),
    event_type: shorten(header?.type),
    event_version: header?.version,
    code: error?.code,
    reason: error?.reason,
    ...causeFields(error),
  });
}

/** Includes the stack only for an error in the function itself. */
function causeFields(rejection: FeishuError | undefined): { cause?: string; stack?: string | undefined } {
  if (rejection === undefined || !('cause' in rejection)) return {};
  const { error, stack, cause } = errorFields(rejection.cause);
  return {
    cause: cause === undefined ? error : `${error}; ${cause}`,
    stack: rejection.code === 'FEISHU_INTERNAL_ERROR' ? stack : undefined,
  };
}

function metricValues({ result, error, milliseconds }: WebhookOutcome): MetricValues {
  const one = { unit: 'Count', value: 1 } as const;
  const isUnverified = error !== undefined && UNVERIFIED.has(error.code);
  if (result === 'rejected') return { Refused: one, ...(isUnverified && { Unverified: one }) };
  if (result === 'url-verified') return { UrlVerified: one };
  return { Accepted: one, AcknowledgeTime: { unit: 'Milliseconds', value: milliseconds } };
}
