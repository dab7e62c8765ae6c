import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Progress } from '../cli/progress.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { DeploymentError } from './deployment-error.ts';

/** What a command on the deployed stack uses. */
export interface StackCommandParts {
  stack: DeployedStack;
  sqs: SQSClient;
  dynamo: DynamoDBClient;
  print: (line: string) => void;
  progress: Progress;
  /** Ends the command after the current batch. */
  signal: AbortSignal;
}

/** @throws {DeploymentError} if the stack does not have the resource */
export function physicalIdOf(stack: DeployedStack, logicalId: string): string {
  const id = stack.physicalId(logicalId);
  if (id === undefined) throw new DeploymentError(`The stack ${stack.name} has no ${logicalId}. Deploy it again.`);
  return id;
}
