/** CloudWatch's unit of each metric. */
type Unit = 'Count' | 'Milliseconds';

export interface MetricValues {
  readonly [name: string]: { readonly unit: Unit; readonly value: number | readonly number[] };
}

/** The CloudWatch namespace of all metrics. */
export const METRICS_NAMESPACE = 'feishu-events';

/**
 * Returns metrics in CloudWatch's embedded metric format: fields of a log line that CloudWatch turns into metrics.
 *
 * @param dimensions sets of names of fields in the same line
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function embeddedMetrics(values: MetricValues, dimensions: string[][]): Record<string, unknown> {
  const Metrics = Object.entries(values).map(([Name, { unit }]) => ({ Name, Unit: unit }));
  return {
    _aws: {
      Timestamp: Date.now(),
      CloudWatchMetrics: [{ Namespace: METRICS_NAMESPACE, Dimensions: dimensions, Metrics }],
    },
    ...Object.fromEntries(Object.entries(values).map(([name, { value }]) => [name, value])),
  };
}
