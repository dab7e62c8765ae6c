import type { Traffic } from './arrivals.ts';
import type { DynamoQuotas } from './dynamo-table.ts';
import type { LambdaQuotas } from './lambda.ts';

/** The quotas of an AWS account. */
export interface Quotas {
  gateway: { requestsPerSecond: number; burst: number };
  lambda: LambdaQuotas;
  dynamo: DynamoQuotas;
  /** Maximum `SendMessage` calls a second to a FIFO queue. */
  fifoSendsPerSecond: number;
  mapping: {
    initialConcurrency: number;
    /** How many concurrent batches are added each minute while messages wait. */
    concurrencyPerMinute: number;
    maximumConcurrency: number;
  };
}

/** Settings in `serverless.yml`. */
export interface Settings {
  ordering: 'none' | 'conversation';
  batchSize: number;
  /** Maximum concurrency of the event source mapping. */
  maximumConcurrency: number;
}

/** The duration of each step in milliseconds, except where the name has another unit. */
export interface Timings {
  /** Round trip between the platform and the function. */
  gateway: number;
  /** The webhook's work per event. */
  webhook: number;
  /** Added to the first invocation of a new environment. */
  webhookColdStart: number;
  workerColdStart: number;
  /** A minimum, and the mean of a random addition. */
  queueSend: { minimum: number; meanExtra: number };
  /** The worker's work per batch, and per event in it. */
  workerBatch: number;
  workerEvent: number;
  /** One write to the table. Each event has two; those of a batch run concurrently. */
  tableWrite: number;
  /** The user's handler. The events of a batch are handled concurrently. */
  handler: number;
  environmentIdleSeconds: number;
}

export interface Scenario {
  traffic: Traffic;
  /** Number of conversations, which have the same share of the events. */
  conversations: number;
  quotas: Quotas;
  settings: Settings;
  timings: Timings;
}

/** The platform's delay after each failed attempt. If the attempt after the last delay fails, the event is lost. */
export const RETRY_LADDER_SECONDS = [15, 5 * 60, 60 * 60, 6 * 60 * 60] as const;

export const WRITES_PER_EVENT = 2;

/** Returns the duration of a batch in a warm environment with an unthrottled table. */
export function batchMilliseconds(timings: Timings, size: number): number {
  const { handler, tableWrite, workerBatch, workerEvent } = timings;
  return workerBatch + size * workerEvent + WRITES_PER_EVENT * tableWrite + handler;
}
