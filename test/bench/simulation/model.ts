import type { Traffic } from './arrivals.ts';
import type { DynamoQuotas } from './dynamo-table.ts';
import type { LambdaQuotas } from './lambda.ts';

/** What AWS allows an account. */
export interface Quotas {
  gateway: { requestsPerSecond: number; burst: number };
  lambda: LambdaQuotas;
  dynamo: DynamoQuotas;
  /** How many messages a second a FIFO queue takes, one by one. */
  fifoSendsPerSecond: number;
  mapping: {
    initialConcurrency: number;
    /** How many batches more at a time, each minute, while messages wait. */
    concurrencyPerMinute: number;
    maximumConcurrency: number;
  };
}

/** What `serverless.yml` sets. */
export interface Settings {
  ordering: 'none' | 'conversation';
  batchSize: number;
  /** Of the event source mapping. */
  maximumConcurrency: number;
}

/** What each step takes, in milliseconds unless the name says otherwise. */
export interface Timings {
  /** Between the platform and the function, both ways. */
  gateway: number;
  /** The webhook's own work on one event. */
  webhook: number;
  /** What a new environment adds to its first invocation. */
  webhookColdStart: number;
  workerColdStart: number;
  /** At the least, and the mean of what comes on top by chance. */
  queueSend: { minimum: number; meanExtra: number };
  /** The worker's own work: for a batch, and for each event in it. */
  workerBatch: number;
  workerEvent: number;
  /** One write to the claims table. There are two an event; those of a batch are made side by side. */
  tableWrite: number;
  /** The user's handler. The events of a batch are handled side by side. */
  handler: number;
  environmentIdleSeconds: number;
}

export interface Scenario {
  traffic: Traffic;
  /** Among which the events are spread evenly. */
  conversations: number;
  quotas: Quotas;
  settings: Settings;
  timings: Timings;
}

/** After each failed attempt the platform waits for so long; the event whose last attempt fails is lost. */
export const RETRY_LADDER_SECONDS = [15, 5 * 60, 60 * 60, 6 * 60 * 60] as const;

export const WRITES_PER_EVENT = 2;

/** What a batch takes in an environment that has started, while the table is not throttled. */
export function batchMilliseconds(timings: Timings, size: number): number {
  const { handler, tableWrite, workerBatch, workerEvent } = timings;
  return workerBatch + size * workerEvent + WRITES_PER_EVENT * tableWrite + handler;
}
