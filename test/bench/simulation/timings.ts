import measured from './measured.json' with { type: 'json' };
import type { Timings } from './model.ts';

/** `memorySize` of both functions in serverless.yml, divided by the memory that comes with one vCPU. */
const CPU_SHARE = 512 / 1769;

/** Milliseconds that cannot be measured without an account, assumed from what AWS and its users report. */
const ASSUMED = {
  gateway: 10,
  /** Lambda's part of a cold start, before Node starts. */
  newEnvironment: 200,
  queueSend: { minimum: 5, meanExtra: 5 },
  tableWrite: 5,
  /** As in docs/cost.md. */
  handler: 100,
  environmentIdleSeconds: 300,
};

/** A function has a full vCPU while it starts, then its share. */
export const TIMINGS: Timings = {
  gateway: ASSUMED.gateway,
  webhook: measured.webhook / CPU_SHARE,
  webhookColdStart: ASSUMED.newEnvironment + measured.webhookCold,
  workerColdStart: ASSUMED.newEnvironment + measured.workerCold,
  queueSend: ASSUMED.queueSend,
  workerBatch: measured.workerBatch / CPU_SHARE,
  workerEvent: measured.workerEvent / CPU_SHARE,
  tableWrite: ASSUMED.tableWrite,
  handler: ASSUMED.handler,
  environmentIdleSeconds: ASSUMED.environmentIdleSeconds,
};
