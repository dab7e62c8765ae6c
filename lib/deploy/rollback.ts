import { DeploymentError } from './deployment-error.ts';

/**
 * Rejects the framework's `rollback` and `rollback function`: they deploy an earlier template as it is.
 *
 * @throws {DeploymentError} if the command is one of them
 */
export function rejectRollback([command]: readonly string[], stage: string): void {
  if (command !== 'rollback') return;
  throw new DeploymentError(
    "serverless rollback is not available: it would reset the stack's parameters and the versions of its secrets, and " +
      'could replace its queues without asking. Deploy an earlier commit instead, with the same checks as any deployment: ' +
      `git checkout <commit> && npm ci && npx serverless deploy --stage ${stage}`,
  );
}
