import { DeploymentError } from './deployment-error.ts';
import type { FunctionDefinition, Serverless } from './serverless.ts';

/**
 * Checks settings of the template's functions that the framework accepts but that would lose events or metrics.
 *
 * @throws {DeploymentError} if a function writes no logs, or if the worker's reserved concurrency is lower than the
 *   concurrency of its queue
 */
export function checkFunctionSettings({ functions: { worker, webhook, approvals } }: Serverless['service']): void {
  for (const [name, definition] of Object.entries({ worker, webhook, approvals })) {
    if (!definition?.disableLogs) continue;
    throw new DeploymentError(
      `functions.${name}.disableLogs would also turn off the metrics and alarms, which CloudWatch reads from the log. ` +
        'Remove it. To pay for fewer logs, use the parameter logLevel or provider.logRetentionInDays.',
    );
  }
  if (worker?.reservedConcurrency != null) checkReservedConcurrency(worker, worker.reservedConcurrency);
}

function checkReservedConcurrency({ events = [] }: FunctionDefinition, reservedConcurrency: number): void {
  for (const { sqs } of events) {
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
