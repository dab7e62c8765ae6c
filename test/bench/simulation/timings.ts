import measured from './measured.json' with { type: 'json' };
import type { Timings } from './model.ts';

/** `memorySize` of both functions in serverless.yml, and the memory that has a whole processor. */
const PROCESSOR_SHARE = 512 / 1769;

/** What cannot be measured without an account: assumed, from what AWS and its users report. Milliseconds. */
const ASSUMED = {
  gateway: 10,
  /** Lambda's own part of a cold start, before Node starts. */
  newEnvironment: 200,
  queueSend: { minimum: 5, meanExtra: 5 },
  tableWrite: 5,
  /** As in docs/cost.md. */
  handler: 100,
  environmentIdleSeconds: 300,
};

/** While a function starts it has a whole processor, after that its share. */
export const TIMINGS: Timings = {
  gateway: ASSUMED.gateway,
  webhook: measured.webhook / PROCESSOR_SHARE,
  webhookColdStart: ASSUMED.newEnvironment + measured.webhookCold,
  workerColdStart: ASSUMED.newEnvironment + measured.workerCold,
  queueSend: ASSUMED.queueSend,
  workerBatch: measured.workerBatch / PROCESSOR_SHARE,
  workerEvent: measured.workerEvent / PROCESSOR_SHARE,
  tableWrite: ASSUMED.tableWrite,
  handler: ASSUMED.handler,
  environmentIdleSeconds: ASSUMED.environmentIdleSeconds,
};
