import { DeploymentError } from './deployment-error.ts';
import type { Serverless } from './serverless.ts';

/**
 * Checks the settings of functions that the framework accepts but that would lose events.
 *
 * @throws {DeploymentError} if the worker's reserved concurrency is lower than the concurrency of its queue
 */
export function checkFunctionSettings({ functions: { worker } }: Serverless['service']): void {
  if (worker?.reservedConcurrency == null) return;
  const { reservedConcurrency } = worker;
  for (const { sqs } of worker.events ?? []) {
    const concurrency = typeof sqs === 'object' ? sqs.maximumConcurrency : undefined;
    // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
    if (sqs === undefined || (concurrency !== undefined && concurrency <= reservedConcurrency)) continue;
    throw new DeploymentError(
      `functions.worker.reservedConcurrency (${reservedConcurrency}) is lower than the parameter workerConcurrency ` +
        `(${concurrency ?? 'unlimited'}): Lambda would throttle the worker, and the throttled events would end in the ` +
        'dead-letter queue. Limit the worker with workerConcurrency alone, or reserve at least as much.',
    );
  }
}
