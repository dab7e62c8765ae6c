import type { Quotas } from './model.ts';

/** Default quotas in a large region. docs/scaling.md lists the sources. */
export const DEFAULT_QUOTAS: Quotas = {
  gateway: { requestsPerSecond: 10_000, burst: 5000 },
  lambda: {
    concurrency: 1000,
    requestsPerSecondOfConcurrency: 10,
    environmentsPerPeriod: 1000,
    periodSeconds: 10,
  },
  dynamo: { initialWritesPerSecond: 4000, maximumWritesPerSecond: 40_000 },
  fifoSendsPerSecond: 70_000,
  mapping: { initialConcurrency: 5, concurrencyPerMinute: 300, maximumConcurrency: 1250 },
};

/** Quotas for 50,000 events a second with bursts of 112,500. The table has warm throughput. */
export const RAISED_QUOTAS: Quotas = {
  ...DEFAULT_QUOTAS,
  gateway: { requestsPerSecond: 120_000, burst: 60_000 },
  lambda: { ...DEFAULT_QUOTAS.lambda, concurrency: 15_000 },
  dynamo: { initialWritesPerSecond: 200_000, maximumWritesPerSecond: 200_000 },
};
