import type { Stack } from '@aws-sdk/client-cloudformation';
import { OPERATOR_COMMANDS } from './commands.ts';
import { DeploymentError } from './deployment-error.ts';
import { secretNameOf } from './secrets/secrets.ts';
import type { Serverless, Template } from './serverless.ts';

/** The stack's output that stores its service and stage. */
const OUTPUT = 'ServiceAndStage';
/** The framework's tag of the stack. Stacks of earlier versions have no output, and neither has one that was only created. */
const TAG = 'STAGE';

/** The commands that read or change the deployed stack. */
export const STACK_COMMANDS: ReadonlySet<string> = new Set([
  ...['deploy', 'deploy function', 'deploy list', 'deploy list functions', 'remove', 'secrets'],
  ...['info', 'invoke', 'logs', 'metrics'],
  ...Object.entries(OPERATOR_COMMANDS).flatMap(([group, { commands }]) =>
    Object.keys(commands).map((command) => `${group} ${command}`),
  ),
]);

/** Stores the service and the stage in the stack. */
export function storeOwner(template: Template, serverless: Serverless): void {
  template.Outputs = {
    ...template.Outputs,
    [OUTPUT]: { Description: 'The service and the stage of this stack', Value: secretNameOf(serverless) },
  };
}

/**
 * Checks that a stack belongs to this service and stage. The service `bot-eu` with the stage `prod` and the service `bot`
 * with the stage `eu-prod` have the same stack name.
 *
 * @param stack `undefined` if it does not exist
 * @throws {DeploymentError} if the stack belongs to another service or stage
 */
export function checkOwner(
  stack: Pick<Stack, 'Outputs' | 'Tags'> | undefined,
  stackName: string,
  serverless: Serverless,
): void {
  const owner = readOwner(stack, stackName, serverless);
  if (owner === undefined || owner === secretNameOf(serverless)) return;
  const [service, stage] = owner.split('/');
  const { service: ownService } = serverless.service;
  throw new DeploymentError(
    `The stack ${stackName} belongs to the service ${service} with the stage ${stage}. The service ${ownService} with the ` +
      `stage ${serverless.getProvider('aws').getStage()} has the same stack name. Nothing was changed. Choose another ` +
      '--stage or --region, or another service name in serverless.yml.',
  );
}

/** @returns `undefined` if it is not known */
function readOwner(
  { Outputs = [], Tags = [] }: Pick<Stack, 'Outputs' | 'Tags'> = {},
  stackName: string,
  { configurationInput }: Serverless,
): string | undefined {
  const stored = Outputs.find(({ OutputKey }) => OutputKey === OUTPUT)?.OutputValue;
  if (stored !== undefined) return stored;
  const stage = Tags.find(({ Key }) => Key === TAG)?.Value;
  // The user may have replaced the tag, or the stack's name.
  const { stackTags = {}, stackName: ownName } = configurationInput.provider ?? {};
  const isReliable = ownName === undefined && !JSON.stringify(stackTags).toUpperCase().includes(TAG);
  if (!isReliable || stage === undefined || !stackName.endsWith(`-${stage}`)) return undefined;
  return `${stackName.slice(0, -`-${stage}`.length)}/${stage}`;
}
