import { readWorkerTimeout } from '../build/worker-timeout.ts';
import { DeploymentError } from './deployment-error.ts';
import type { Serverless } from './serverless.ts';

/** The parameters (`--param`) that determine what the stack consists of. */
export interface DeployOptions {
  appType: 'self' | 'store';
  webhook: boolean;
  longConnection: boolean;
  ordering: 'none' | 'conversation';
  alarmEmail: string;
  /** In seconds. */
  workerTimeout: number;
  connectionSpot: boolean;
  connectionVpc: string;
  connectionSubnets: string[];
}

/**
 * Reads the parameters. The command line takes precedence over the stage's section, which takes precedence over the
 * defaults.
 *
 * @throws {DeploymentError} if a name is unknown or a value is invalid
 */
export function readOptions(serverless: Serverless): DeployOptions {
  const parameters = readParameters(serverless);
  const options: DeployOptions = {
    appType: readChoice(parameters, 'appType', ['self', 'store']),
    webhook: readBoolean(parameters, 'webhook'),
    longConnection: readBoolean(parameters, 'longConnection'),
    ordering: readChoice(parameters, 'ordering', ['none', 'conversation']),
    alarmEmail: readText(parameters, 'alarmEmail', /^\S+@\S+$/, 'an email address'),
    workerTimeout: readTimeout(parameters),
    connectionSpot: readBoolean(parameters, 'connectionSpot'),
    connectionVpc: readText(parameters, 'connectionVpc', /^vpc-\w+$/, 'a VPC id, vpc-…'),
    connectionSubnets: readText(
      parameters,
      'connectionSubnets',
      /^subnet-\w+(,subnet-\w+)*$/,
      'comma-separated subnet ids, subnet-…,subnet-…',
    )
      .split(',')
      .filter((id) => id !== ''),
  };
  if (!options.webhook && !options.longConnection) {
    throw new DeploymentError('Without the webhook, no events would arrive. Add --param longConnection=true.');
  }
  if (options.longConnection && options.appType === 'store') {
    throw new DeploymentError(
      'The platform offers the long connection only to self-built apps. Remove longConnection=true.',
    );
  }
  if ((options.connectionVpc === '') !== (options.connectionSubnets.length === 0)) {
    throw new DeploymentError('Set both connectionVpc and connectionSubnets, or neither to create a new VPC.');
  }
  return options;
}

function readParameters(serverless: Serverless): Record<string, string> {
  const { params = {} } = serverless.configurationInput;
  const known = params.default ?? {};
  const stage = serverless.getProvider('aws').getStage();
  const fromCommandLine = (serverless.processedInput.options.param ?? []).map((text) => {
    const [name = '', ...value] = text.split('=');
    return [name, value.join('=').trimEnd()];
  });
  const parameters: Record<string, unknown> = { ...known, ...params[stage], ...Object.fromEntries(fromCommandLine) };
  for (const name of Object.keys(parameters)) {
    if (Object.hasOwn(known, name)) continue;
    throw new DeploymentError(`Unknown parameter "${name}". Available parameters: ${Object.keys(known).join(', ')}.`);
  }
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, String(value ?? '')]));
}

function readBoolean(parameters: Record<string, string>, name: string): boolean {
  return readChoice(parameters, name, ['true', 'false']) === 'true';
}

function readChoice<Choice extends string>(
  parameters: Record<string, string>,
  name: string,
  choices: readonly Choice[],
): Choice {
  const choice = choices.find((candidate) => candidate === parameters[name]);
  if (choice !== undefined) return choice;
  throw new DeploymentError(`The parameter ${name} must be ${choices.join(' or ')}, not "${parameters[name]}".`);
}

function readText(parameters: Record<string, string>, name: string, pattern: RegExp, description: string): string {
  const value = parameters[name] ?? '';
  if (value === '' || pattern.test(value)) return value;
  throw new DeploymentError(`The parameter ${name} must be ${description}, not "${value}".`);
}

function readTimeout({ workerTimeout }: Record<string, string>): number {
  try {
    return readWorkerTimeout(workerTimeout);
  } catch (error) {
    throw new DeploymentError((error as Error).message, { cause: error });
  }
}
