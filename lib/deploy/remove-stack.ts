import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { AwsConfig } from './aws-clients.ts';
import { confirm } from './confirm.ts';
import { readDeployedStack } from './deployed-stack.ts';
import { DeploymentError } from './deployment-error.ts';
import { RECOVERY_WINDOW_DAYS } from './secrets/secret-store.ts';
import { countItems, isStore } from './stored-items.ts';

export interface RemovalParts {
  config: AwsConfig;
  account: string;
  region: string;
  stackName: string;
  secretName: string;
  /** Skips the question. */
  isConfirmed: boolean;
  input: NodeJS.ReadStream;
  print: (line: string) => void;
}

/**
 * Lists what the removal of the stack deletes, and asks for confirmation.
 *
 * @throws {DeploymentError} if the removal is not confirmed, or confirmation needs a terminal
 */
export async function confirmRemoval(parts: RemovalParts): Promise<void> {
  const { config, account, region, stackName, secretName, isConfirmed, input, print } = parts;
  print(`Account ${account}, region ${region}, stack ${stackName}. This deletes permanently:`);
  for (const line of await listContents(config, stackName)) print(`  ${line}`);
  print(`It also deletes the secret ${secretName}, which you can restore for ${RECOVERY_WINDOW_DAYS} days.`);
  if (isConfirmed) return;
  if (!input.isTTY) {
    throw new DeploymentError('Nothing was deleted: not a terminal. Pass --yes to confirm, for example in a pipeline.');
  }
  if (!(await confirm('Type yes to delete: ', input))) throw new DeploymentError('Nothing was deleted.');
}

async function listContents(config: AwsConfig, stackName: string): Promise<string[]> {
  const stack = await readDeployedStack(new CloudFormationClient(config), stackName).catch((error) => {
    if (error instanceof DeploymentError) return undefined;
    throw error;
  });
  if (stack === undefined) return ['nothing: the stack does not exist'];
  const stores = stack.resources().filter(isStore);
  const counted = await countItems(config, stores);
  const others = stack.resources().length - stores.length;
  return [
    ...counted.map(({ logicalId, description }) => `${logicalId}: ${description}`),
    `${others} other resources, including functions, logs and alarms`,
  ];
}
