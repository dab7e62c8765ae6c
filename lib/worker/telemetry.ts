import type { Console } from 'node:console';
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { SQSRecord } from 'aws-lambda';
import type { Environment } from '../config.ts';
import type { EventHeader } from '../feishu/envelope.ts';
import type { Log } from '../handler.ts';
import { type Processed, processedChannel } from '../observability/diagnostics-channels.ts';
import { errorFields } from '../observability/error-fields.ts';
import { logEntry } from '../observability/log-fields.ts';
import { shorten } from '../observability/log-text.ts';
import { attemptOf, type Delivery, type ProcessingResult } from './processor.ts';
import { MAXIMUM_DELIVERIES } from './retry.ts';

type LogLevel = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';
/** The metric and the log level of each outcome. */
const OUTCOMES = {
  handled: { metric: 'Handled', level: 'info' },
  answered: { metric: 'Answered', level: 'debug' },
  dropped: { metric: 'Dropped', level: 'info' },
  duplicate: { metric: 'Duplicate', level: 'info' },
  unhandled: { metric: 'Unhandled', level: 'debug' },
} as const;

/** Where log lines, metrics and outcomes go. */
export interface TelemetryOutput {
  /** Default: standard output and standard error. */
  console?: Console;
  publish(processed: Processed): void;
}

/** Creates the worker's log and metrics. */
export function createWorkerTelemetry(environment: Environment, output: TelemetryOutput = processedChannel) {
  const serviceName = environment.POWERTOOLS_SERVICE_NAME ?? 'feishu-events';
  const logLevel = (environment.LOG_LEVEL ?? 'INFO').toUpperCase() as LogLevel;
  const logger = withConsole(new Logger({ serviceName, logLevel }), output.console);
  const metrics = withConsole(new Metrics({ namespace: 'feishu-events', serviceName }), output.console);

  return {
    log: toLog(logger),

    /** Creates a log whose lines contain the message's id, and the event's id and type if its header is given. */
    logOf(record: SQSRecord, header?: EventHeader): Log {
      const messageKeys = { message_id: record.messageId, attempt: attemptOf(record) };
      const eventKeys = header && { event_id: shorten(header.id), event_type: shorten(header.type) };
      return toLog(logger, { ...messageKeys, ...eventKeys });
    },

    /**
     * Records a delivery that did not fail.
     *
     * @param started milliseconds since the epoch
     */
    processed({ messageId, receivedAt }: Delivery, { outcome, reason }: ProcessingResult, log: Log, started: number) {
      const { metric, level } = OUTCOMES[outcome];
      metrics.addMetric(metric, MetricUnit.Count, 1);
      metrics.addMetric('QueueAge', MetricUnit.Milliseconds, Math.max(0, started - receivedAt.getTime()));
      const milliseconds = Date.now() - started;
      if (outcome === 'handled') metrics.addMetric('HandleTime', MetricUnit.Milliseconds, milliseconds);
      log[level](outcome, { milliseconds, reason });
      output.publish({
        messageId,
        outcome,
        ...(reason !== undefined && { reason }),
        milliseconds,
      });
    },

    /**
     * Records a failed delivery.
     *
     * @param seconds the delay before the retry
     * @param started milliseconds since the epoch
     */
    failed(record: SQSRecord, error: unknown, seconds: number, log: Log, started: number) {
      const isLast = attemptOf(record) >= MAXIMUM_DELIVERIES;
      metrics.addMetric(isLast ? 'Dead' : 'Retried', MetricUnit.Count, 1);
      const fields = errorFields(error);
      if (isLast) log.error('The event failed for the last time and moves to the dead-letter queue', fields);
      else log.warn('The event failed and will be retried', { seconds, ...fields });
      output.publish({
        messageId: record.messageId,
        outcome: 'retrying',
        reason: fields.error,
        milliseconds: Date.now() - started,
        ...(isLast ? {} : { retryAt: timeAfter(seconds) }),
      });
    },

    /**
     * Records a delivery that returned the event to the queue because of a rate limit.
     *
     * @param seconds the delay before the next delivery
     * @param started milliseconds since the epoch
     */
    returned(record: SQSRecord, error: unknown, seconds: number, log: Log, started: number) {
      metrics.addMetric('RateLimited', MetricUnit.Count, 1);
      const fields = errorFields(error);
      log.warn('The platform limits the rate of calls. The event waits, which does not count as an attempt', {
        seconds,
        ...fields,
      });
      output.publish({
        messageId: record.messageId,
        outcome: 'limited',
        reason: fields.error,
        milliseconds: Date.now() - started,
        retryAt: timeAfter(seconds),
      });
    },

    /**
     * Records a delivery whose event continues in another one.
     *
     * @param seconds the delay before the next delivery
     * @param started milliseconds since the epoch
     */
    continued(record: SQSRecord, seconds: number, log: Log, started: number) {
      metrics.addMetric('Continued', MetricUnit.Count, 1);
      const milliseconds = Date.now() - started;
      log.info('continued', { milliseconds, seconds });
      output.publish({ messageId: record.messageId, outcome: 'continued', milliseconds, retryAt: timeAfter(seconds) });
    },

    /** Writes the metrics of one invocation. */
    publish() {
      metrics.publishStoredMetrics();
    },
  };
}

/** @returns ISO 8601 */
function timeAfter(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toISOString();
}

/** Powertools has no option for it. */
function withConsole<Writer extends Logger | Metrics>(writer: Writer, console: Console | undefined): Writer {
  if (console !== undefined) Reflect.set(writer, 'console', console);
  return writer;
}

/**
 * Powertools would log all properties of an error, such as the Authorization header of an HTTP client's request.
 *
 * @param keys fields of every line. A child logger for each event would take three times as long as its lines.
 */
function toLog(logger: Logger, keys: Record<string, unknown> = {}): Log {
  const writer =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (text: unknown, lineFields: unknown): void => {
      const { message, fields } = logEntry(text, lineFields);
      logger[level](message, { ...keys, ...fields } as Record<string, string>);
    };
  return { debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') };
}
