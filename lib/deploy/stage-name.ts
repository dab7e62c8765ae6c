import { DeploymentError } from './deployment-error.ts';
import type { Serverless } from './serverless.ts';

/** https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html */
const MAXIMUM_FUNCTION_NAME = 64;
/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html */
const MAXIMUM_QUEUE_NAME = 80;
const LONGEST_QUEUE_SUFFIX = '-events.fifo';

/**
 * Checks that AWS accepts the names that contain the service and the stage.
 *
 * @throws {DeploymentError} if the stage is too long
 */
export function checkStageName({ service, functions }: Serverless['service'], stage: string): void {
  const prefix = `${service}-`.length;
  const functionSuffixes = ['worker', ...Object.keys(functions)].map((name) => `-${name}`.length);
  const maximum = Math.min(
    MAXIMUM_FUNCTION_NAME - prefix - Math.max(...functionSuffixes),
    MAXIMUM_QUEUE_NAME - prefix - LONGEST_QUEUE_SUFFIX.length,
  );
  if (stage.length <= maximum) return;
  throw new DeploymentError(
    `--stage must have at most ${maximum} characters, because names such as ` +
      `${service}-<stage>-worker contain it. "${stage}" has ${stage.length} characters.`,
  );
}
