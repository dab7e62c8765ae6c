import type { EventHeader } from './feishu/envelope.ts';
import type { FeishuError } from './feishu/errors.ts';

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

/** The names of the metrics, and the CloudWatch unit of each. */
const METRICS = { Accepted: 'Count', UrlVerified: 'Count', Refused: 'Count', AcknowledgeTime: 'Milliseconds' } as const;

/**
 * Writes the one line that a request leaves: its log, and by CloudWatch's embedded metric format its metrics too.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function writeWebhookRecord(outcome: WebhookOutcome, service = 'feishu-events'): void {
  const { result, header, refusal, requestId, milliseconds } = outcome;
  const values = metricValues(outcome);
  const record = {
    _aws: {
      Timestamp: Date.now(),
      CloudWatchMetrics: [
        {
          Namespace: 'feishu-events',
          Dimensions: refusal ? [['service'], ['service', 'code']] : [['service']],
          Metrics: Object.keys(values).map((Name) => ({ Name, Unit: METRICS[Name as keyof typeof METRICS] })),
        },
      ],
    },
    ...values,
    level: refusal === undefined ? 'INFO' : refusal.status < 500 ? 'WARN' : 'ERROR',
    message: result,
    timestamp: new Date().toISOString(),
    service,
    milliseconds,
    request_id: requestId,
    event_id: header?.id,
    event_type: header?.type,
    event_version: header?.version,
    code: refusal?.code,
    reason: refusal?.message,
    cause: refusal?.cause instanceof Error ? `${refusal.cause.name}: ${refusal.cause.message}` : undefined,
  };
  console.log(JSON.stringify(record));
}

function metricValues({ result, milliseconds }: WebhookOutcome): Partial<Record<keyof typeof METRICS, number>> {
  if (result === 'accepted') return { Accepted: 1, AcknowledgeTime: milliseconds };
  return result === 'refused' ? { Refused: 1 } : { UrlVerified: 1 };
}
