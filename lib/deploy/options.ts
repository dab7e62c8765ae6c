import { DeploymentError } from './deployment-error.ts';
import type { Serverless } from './serverless.ts';

/** What can be chosen with `--param`, as far as it decides what the stack consists of. */
export interface DeployOptions {
  appType: 'self' | 'store';
  webhook: boolean;
  longConnection: boolean;
  ordering: 'none' | 'conversation';
  alarmEmail: string;
  connectionSpot: boolean;
  connectionVpc: string;
  connectionSubnets: string[];
}

/**
 * Reads the parameters: those of the command line, of the stage, and the defaults, in this order.
 *
 * @throws {DeploymentError} when one has an unknown name or makes no sense; the message says what to write
 */
export function readOptions(serverless: Serverless): DeployOptions {
  const parameters = readParameters(serverless);
  const options: DeployOptions = {
    appType: readChoice(parameters, 'appType', ['self', 'store']),
    webhook: readSwitch(parameters, 'webhook'),
    longConnection: readSwitch(parameters, 'longConnection'),
    ordering: readChoice(parameters, 'ordering', ['none', 'conversation']),
    alarmEmail: readText(parameters, 'alarmEmail', /^\S+@\S+$/, 'an e-mail address'),
    connectionSpot: readSwitch(parameters, 'connectionSpot'),
    connectionVpc: readText(parameters, 'connectionVpc', /^vpc-\w+$/, 'the id of a VPC, vpc-…'),
    connectionSubnets: readText(
      parameters,
      'connectionSubnets',
      /^subnet-\w+(,subnet-\w+)*$/,
      'ids of subnets, subnet-…, separated by commas',
    )
      .split(',')
      .filter((id) => id !== ''),
  };
  if (!options.webhook && !options.longConnection) {
    throw new DeploymentError('Without the webhook no event would come in: add --param longConnection=true.');
  }
  if (options.longConnection && options.appType === 'store') {
    throw new DeploymentError(
      'The platform gives the long connection to self-built apps alone: leave longConnection out.',
    );
  }
  if ((options.connectionVpc === '') !== (options.connectionSubnets.length === 0)) {
    throw new DeploymentError(
      'connectionVpc and connectionSubnets belong together: give both, or neither for a VPC of its own.',
    );
  }
  return options;
}

function readParameters(serverless: Serverless): Record<string, string> {
  const { params = {} } = serverless.configurationInput;
  const known = params.default ?? {};
  const stage = serverless.getProvider('aws').getStage();
  const given = (serverless.processedInput.options.param ?? []).map((text) => {
    const [name = '', ...value] = text.split('=');
    return [name, value.join('=').trimEnd()];
  });
  const parameters: Record<string, unknown> = { ...known, ...params[stage], ...Object.fromEntries(given) };
  for (const name of Object.keys(parameters)) {
    if (Object.hasOwn(known, name)) continue;
    throw new DeploymentError(`There is no parameter "${name}". There are: ${Object.keys(known).join(', ')}.`);
  }
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, String(value ?? '')]));
}

function readSwitch(parameters: Record<string, string>, name: string): boolean {
  return readChoice(parameters, name, ['true', 'false']) === 'true';
}

function readChoice<Choice extends string>(
  parameters: Record<string, string>,
  name: string,
  choices: readonly Choice[],
): Choice {
  const choice = choices.find((candidate) => candidate === parameters[name]);
  if (choice !== undefined) return choice;
  throw new DeploymentError(`The parameter ${name} is "${parameters[name]}", but must be ${choices.join(' or ')}.`);
}

function readText(parameters: Record<string, string>, name: string, pattern: RegExp, description: string): string {
  const value = parameters[name] ?? '';
  if (value === '' || pattern.test(value)) return value;
  throw new DeploymentError(`The parameter ${name} is "${value}", but must be ${description}.`);
}
