import { CloudFormationClient, DescribeStacksCommand, type Stack } from '@aws-sdk/client-cloudformation';
import { PLATFORM_DOMAINS } from '../cli/settings.ts';
import type { DeployedStack } from './deployed-stack.ts';
import { DeploymentError } from './deployment-error.ts';
import { readChangedParameters, readGivenParameters } from './options.ts';
import type { AwsProvider, Serverless, Template } from './serverless.ts';

/** The stack's output that stores the parameters that differ from the defaults, as JSON. */
const OUTPUT = 'DeploymentParameters';

/** Stores the parameters that differ from the defaults in the stack. The defaults may change with an upgrade. */
export function storeParameters(template: Template, serverless: Serverless): void {
  template.Outputs = {
    ...template.Outputs,
    [OUTPUT]: {
      Description: 'Parameters that differ from the defaults. Deployments keep them unless they are given again.',
      Value: JSON.stringify(readChangedParameters(serverless)),
    },
  };
}

/** Returns a parameter of a deployed stack, or `undefined` if it has its default. */
export function deployedParameter(stack: DeployedStack, name: string): string | undefined {
  const stored = stack.output(OUTPUT);
  return stored === undefined ? undefined : JSON.parse(stored)[name];
}

/**
 * States the account, the region and the stack. If the stack exists, its parameters apply unless they are given on the
 * command line or in the stage's section of `serverless.yml`.
 *
 * Must run before the framework resolves `${param:…}`.
 *
 * @param stack `undefined` if it does not exist
 * @returns whether nothing was deployed yet, and whether the deployed long connection may run on Fargate Spot
 */
export async function keepDeployedParameters(
  serverless: Serverless,
  stack: Stack | undefined,
  notice: (text: string) => void,
): Promise<{ isNewStack: boolean; isSpotDeployed: boolean }> {
  const provider = serverless.getProvider('aws');
  // arn:aws:cloudformation:<region>:<account>:stack/…
  const account = stack?.StackId?.split(':')[4] ?? (await readAccount(provider));
  notice(`Account ${account}, region ${provider.getRegion()}, stack ${provider.naming.getStackName()}`);
  const deployed = readStoredParameters(stack ?? {});
  if (deployed === undefined) return { isNewStack: true, isSpotDeployed: false };
  const kept = selectKept(
    deployed.parameters,
    readGivenParameters(serverless),
    serverless.configurationInput.params?.default ?? {},
  );
  for (const [parameter, value] of Object.entries(kept)) {
    serverless.extendConfiguration(['params', provider.getStage(), parameter], value);
  }
  const list = Object.entries(kept).map(([parameter, value]) => `${parameter}=${value || 'none'}`);
  if (list.length > 0) notice(`Kept from the deployed stack: ${list.join(', ')}. To change one, pass it with --param.`);
  if (!deployed.isComplete) {
    notice(
      'An earlier version of the template deployed this stack without storing its parameters. Pass the other parameters ' +
        'once more if they differ from the defaults.',
    );
  }
  return { isNewStack: false, isSpotDeployed: !deployed.isComplete || deployed.parameters.connectionSpot === 'true' };
}

/** Returns the address of the platform that a deployed stack's app belongs to. */
export function readDeployedDomain(stack: DeployedStack): string {
  const { domain = PLATFORM_DOMAINS[0] } = JSON.parse(stack.output(OUTPUT) ?? '{}');
  return domain;
}

/** Describes how a template changes the parameters of the deployed one, for example `ordering: conversation → default`. */
export function describeParameterChanges(deployed: Template, next: Template): string[] {
  const [before, after] = [deployed, next].map(({ Outputs }) => Outputs?.[OUTPUT]?.Value);
  if (typeof before !== 'string' || typeof after !== 'string') return [];
  const [from, to]: Record<string, string>[] = [JSON.parse(before), JSON.parse(after)];
  const names = new Set([...Object.keys(from ?? {}), ...Object.keys(to ?? {})]);
  const nameValue = (parameters: Record<string, string> | undefined, name: string) =>
    parameters?.[name] === '' ? 'none' : (parameters?.[name] ?? 'default');
  return [...names]
    .filter((name) => from?.[name] !== to?.[name])
    .map((name) => `${name}: ${nameValue(from, name)} → ${nameValue(to, name)}`);
}

/**
 * Selects the deployed parameters that still apply: those that exist and are not given. Turning the long connection off
 * also resets the parameters that only it uses.
 */
export function selectKept(
  deployed: Readonly<Record<string, string>>,
  given: Readonly<Record<string, string>>,
  defaults: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const isKept = (name: string) =>
    Object.hasOwn(defaults, name) &&
    !Object.hasOwn(given, name) &&
    !(given.longConnection === 'false' && name.startsWith('connection'));
  return Object.fromEntries(Object.entries(deployed).filter(([name]) => isKept(name)));
}

/**
 * Reads the parameters of a deployed stack. An earlier version of the template did not store them; those that determine
 * which resources exist can then be told from the stack's outputs.
 *
 * @returns `undefined` if the stack was created but never deployed
 */
export function readStoredParameters({
  Outputs = [],
}: Pick<Stack, 'Outputs'>): { parameters: Record<string, string>; isComplete: boolean } | undefined {
  const outputs = new Map(Outputs.map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]));
  const stored = outputs.get(OUTPUT);
  if (stored !== undefined) return { parameters: JSON.parse(stored), isComplete: true };
  const queueUrl = outputs.get('EventsQueueUrl');
  if (queueUrl === undefined) return undefined;
  const parameters = {
    ...(queueUrl.endsWith('.fifo') && { ordering: 'conversation' }),
    ...(outputs.has('ConnectionServiceName') && { longConnection: 'true' }),
    ...(!outputs.has('HttpApiUrl') && { webhook: 'false' }),
  };
  return { parameters, isComplete: false };
}

/**
 * Reads the stack of this service and stage.
 *
 * @returns `undefined` if it does not exist
 * @throws {DeploymentError} if AWS cannot be reached
 */
export async function readStack(provider: AwsProvider): Promise<Stack | undefined> {
  const name = provider.naming.getStackName();
  try {
    return await describeStack(new CloudFormationClient(await provider.getAwsSdkV3Config()), name);
  } catch (cause) {
    const { name: errorName, message } = cause as Error;
    throw new DeploymentError(
      `Cannot read the stack ${name} in ${provider.getRegion()} (${errorName}: ${message}). ` +
        'Check your credentials: aws sts get-caller-identity',
      { cause },
    );
  }
}

/** Where only the services of the stack can be reached, STS may not be one of them. */
export function readAccount(provider: AwsProvider): Promise<string> {
  return provider.getAccountId().catch(() => 'unknown');
}

async function describeStack(client: CloudFormationClient, name: string): Promise<Stack | undefined> {
  try {
    const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
    return stack;
  } catch (error) {
    if (error instanceof Error && /does not exist/.test(error.message)) return undefined;
    throw error;
  }
}
