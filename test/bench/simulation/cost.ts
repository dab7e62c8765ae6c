import { DOLLARS_PER_GIGABYTE_SECOND } from '../lambda-memory.ts';
import { type Settings, WRITES_PER_EVENT } from './model.ts';
import type { Result } from './simulate.ts';

/** List prices of us-east-1 in US dollars, as in docs/cost.md. */
const PRICES = {
  gatewayRequest: 1 / 1e6,
  functionRequest: 0.2 / 1e6,
  queueRequest: { none: 0.4 / 1e6, conversation: 0.5 / 1e6 },
  tableWrite: 0.625 / 1e6,
  logGigabyte: 0.5,
};

const FUNCTION_GIGABYTES = 0.5;
const LOG_GIGABYTES_OF_EVENT = 3e-6;

/** Returns the cost in US dollars per million handled events. */
export function costOfMillion(result: Result, { ordering }: Settings): number {
  const { acknowledgement, throttledByQueue, webhookBilledSeconds, worker } = result;
  const webhookInvocations = acknowledgement.count + throttledByQueue;
  // Each batch takes one request to receive and one to delete.
  const queueRequests = acknowledgement.count + 2 * worker.batches;
  const dollars =
    (webhookInvocations + result.throttledByLambda) * PRICES.gatewayRequest +
    (webhookInvocations + worker.batches) * PRICES.functionRequest +
    (webhookBilledSeconds + worker.billedSeconds) * FUNCTION_GIGABYTES * DOLLARS_PER_GIGABYTE_SECOND +
    queueRequests * PRICES.queueRequest[ordering] +
    worker.handled * (WRITES_PER_EVENT * PRICES.tableWrite + LOG_GIGABYTES_OF_EVENT * PRICES.logGigabyte);
  return (dollars / worker.handled) * 1e6;
}
