import type { EventHeader } from '../feishu/envelope.ts';
import type { FeishuError } from '../feishu/errors.ts';
import { embeddedMetrics, type MetricValues } from '../observability/embedded-metrics.ts';
import { errorFields } from '../observability/error-fields.ts';
import { writeLine } from '../observability/log.ts';
import { shorten } from '../observability/log-text.ts';

/** What became of one HTTP request. */
export interface WebhookOutcome {
  result: 'accepted' | 'url-verified' | 'refused';
  /** Of a request that was verified to be an event. */
  header?: EventHeader;
  refusal?: FeishuError;
  requestId: string | undefined;
  /** From the arrival at the gateway to the answer. */
  milliseconds: number;
}

/** Writes the one line that a request leaves: its log and its metrics. */
export function writeAccessLog(outcome: WebhookOutcome, service = 'feishu-events'): void {
  const { result, header, refusal, requestId, milliseconds } = outcome;
  const record = {
    ...embeddedMetrics(metricValues(outcome), refusal ? [['service'], ['service', 'code']] : [['service']]),
    level: refusal === undefined ? 'INFO' : refusal.status < 500 ? 'WARN' : 'ERROR',
    message: result,
    timestamp: new Date().toISOString(),
    service,
    milliseconds,
    request_id: requestId,
    event_id: shorten(header?.id),
    event_type: shorten(header?.type),
    event_version: header?.version,
    code: refusal?.code,
    reason: refusal?.reason,
    ...causeFields(refusal),
  };
  writeLine(record);
}

/** Only an error in the function itself has a stack that says where to look. */
function causeFields(refusal: FeishuError | undefined): { cause?: string; stack?: string | undefined } {
  if (refusal === undefined || !('cause' in refusal)) return {};
  const { error, stack, cause } = errorFields(refusal.cause);
  return {
    cause: cause === undefined ? error : `${error}; ${cause}`,
    stack: refusal.code === 'FEISHU_INTERNAL_ERROR' ? stack : undefined,
  };
}

function metricValues({ result, milliseconds }: WebhookOutcome): MetricValues {
  const one = { unit: 'Count', value: 1 } as const;
  if (result === 'refused') return { Refused: one };
  if (result === 'url-verified') return { UrlVerified: one };
  return { Accepted: one, AcknowledgeTime: { unit: 'Milliseconds', value: milliseconds } };
}
