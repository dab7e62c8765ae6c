import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { readDeployedStack } from './deployed-stack.ts';
import { DeploymentError } from './deployment-error.ts';
import type { Serverless } from './serverless.ts';

/**
 * Prepares `serverless deploy function`. The framework looks a role of the stack up by its `RoleName`, or by its logical
 * id, and fails after it has deployed the code; the template's roles have neither a name nor the name of their id. So it
 * gets the name that CloudFormation chose.
 *
 * @param name the function's name in serverless.yml
 * @throws {DeploymentError} if the stack does not have the role, or if the function would continue to run its old code
 */
export async function prepareFunctionDeployment(serverless: Serverless, name: string): Promise<void> {
  const { functions, provider: settings } = serverless.service;
  const definition = functions[name];
  if (definition === undefined) return;
  if (definition.provisionedConcurrency) {
    throw new DeploymentError(
      `The function ${name} has provisionedConcurrency, so a published version of it runs, which this command does not ` +
        'replace. Run npx serverless deploy.',
    );
  }
  const provider = serverless.getProvider('aws');
  const role = provider.getCustomExecutionRole(definition);
  if (role === undefined || isArn(role)) return;
  const logicalId = logicalIdOf(role);
  if (logicalId === undefined) {
    // Only CloudFormation can resolve it. The framework, too, keeps the deployed value of such settings.
    definition.role = settings.remoteFunctionData?.Configuration?.Role;
    return;
  }
  const client = new CloudFormationClient(await provider.getAwsSdkV3Config());
  const roleName = (await readDeployedStack(client, provider.naming.getStackName())).physicalId(logicalId);
  if (roleName === undefined) {
    throw new DeploymentError(
      `The role ${logicalId} of the function ${name} is not deployed. Run npx serverless deploy.`,
    );
  }
  // The framework passes this name to IAM.
  definition.role = { 'Fn::GetAtt': [roleName, 'Arn'] };
}

function isArn(role: unknown): boolean {
  return typeof role === 'string' && role.includes(':');
}

function logicalIdOf(role: unknown): string | undefined {
  if (typeof role === 'string') return role;
  return (role as { 'Fn::GetAtt'?: string[] })['Fn::GetAtt']?.[0];
}
