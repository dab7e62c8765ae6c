import { readWorkerTimeout } from '../build/worker-timeout.ts';
import { LOG_LEVELS, PLATFORM_DOMAINS } from '../cli/settings.ts';
import { MAXIMUM_CONNECTIONS } from './connection-count.ts';
import { DeploymentError } from './deployment-error.ts';
import type { Serverless } from './serverless.ts';

/** More than any account's quota. */
const MAXIMUM_REQUESTS = 1_000_000;

/** The parameters (`--param`) that determine what the stack consists of. */
export interface DeployOptions {
  appType: 'self' | 'store';
  /** Whether deployments also configure the app on the platform. */
  configureApp: boolean;
  webhook: boolean;
  longConnection: boolean;
  ordering: 'none' | 'conversation' | 'topic';
  alarmEmail: string;
  /** 0: no alarm. */
  noEventsAlarmHours: number;
  tracing: 'none' | 'xray';
  /** Requests per second. */
  webhookRateLimit: number;
  webhookBurstLimit: number;
  connectionCount: number;
  /** In seconds. */
  workerTimeout: number;
  connectionSpot: boolean;
  connectionVpc: string;
  connectionSubnets: string[];
  connectionPublicIp: boolean;
}

/**
 * Reads and checks the parameters. The command line takes precedence over the stage's section, which takes precedence over
 * the defaults.
 *
 * @throws {DeploymentError} if a name is unknown or a value is invalid
 */
export function readOptions(serverless: Serverless): DeployOptions {
  const parameters = readParameters(serverless);
  checkTemplateParameters(parameters);
  const options: DeployOptions = {
    appType: readChoice(parameters, 'appType', ['self', 'store']),
    configureApp: readBoolean(parameters, 'configureApp'),
    webhook: readBoolean(parameters, 'webhook'),
    longConnection: readBoolean(parameters, 'longConnection'),
    ordering: readChoice(parameters, 'ordering', ['none', 'conversation', 'topic']),
    alarmEmail: readText(parameters, 'alarmEmail', /^[^\s@]+@[^\s@]+\.[^\s@]+$/, 'one email address'),
    // CloudWatch evaluates at most seven days.
    noEventsAlarmHours: readInteger(parameters, 'noEventsAlarmHours', 0, 168),
    tracing: readChoice(parameters, 'tracing', ['none', 'xray']),
    webhookRateLimit: readInteger(parameters, 'webhookRateLimit', 1, MAXIMUM_REQUESTS),
    webhookBurstLimit: readInteger(parameters, 'webhookBurstLimit', 1, MAXIMUM_REQUESTS),
    connectionCount: readInteger(parameters, 'connectionCount', 1, MAXIMUM_CONNECTIONS),
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
    connectionPublicIp: readBoolean(parameters, 'connectionPublicIp'),
  };
  if (!options.webhook && !options.longConnection) {
    throw new DeploymentError('Without the webhook, no events would arrive. Add --param longConnection=true.');
  }
  if (options.longConnection && options.appType === 'store') {
    throw new DeploymentError(
      'The platform offers the long connection only to self-built apps. Remove longConnection=true.',
    );
  }
  if (options.configureApp && options.appType === 'store') {
    throw new DeploymentError('The platform configures store apps only in its console. Remove configureApp=true.');
  }
  if ((options.connectionVpc === '') !== (options.connectionSubnets.length === 0)) {
    throw new DeploymentError('Set both connectionVpc and connectionSubnets, or neither to create a new VPC.');
  }
  if (options.connectionSpot && !options.longConnection) {
    throw new DeploymentError(
      'The parameter connectionSpot=true requires the long connection. Add --param longConnection=true, or set ' +
        'connectionSpot=false.',
    );
  }
  if (!options.connectionPublicIp && options.connectionSubnets.length === 0) {
    throw new DeploymentError(
      'The new VPC has no NAT gateway, so without a public IP address the tasks could not reach the platform. Remove ' +
        'connectionPublicIp=false, or set connectionVpc and connectionSubnets to a network with a NAT gateway.',
    );
  }
  return options;
}

/** Checks the parameters that only the template uses. */
function checkTemplateParameters(parameters: Record<string, string>): void {
  readChoice(parameters, 'domain', PLATFORM_DOMAINS);
  readChoice(parameters, 'logLevel', LOG_LEVELS);
  readInteger(parameters, 'workerConcurrency', 2, 1000);
  readBoolean(parameters, 'limitCallRate');
  for (const name of ['connectionFetchImage', 'connectionImage']) {
    if (!/^\S+$/.test(parameters[name] ?? '')) {
      throw new DeploymentError(`The parameter ${name} must name a container image, not "${parameters[name]}".`);
    }
  }
}

/** Returns the parameters of the command line and of the stage's section in `serverless.yml`. */
export function readGivenParameters(serverless: Serverless): Record<string, string> {
  const stage = serverless.getProvider('aws').getStage();
  const fromCommandLine = (serverless.processedInput.options.param ?? []).map((text) => {
    const [name = '', ...value] = text.split('=');
    return [name, value.join('=').trimEnd()];
  });
  return toTexts({ ...serverless.configurationInput.params?.[stage], ...Object.fromEntries(fromCommandLine) });
}

/** Returns the parameters that differ from the defaults. */
export function readChangedParameters(serverless: Serverless): Record<string, string> {
  const defaults = readDefaults(serverless);
  const parameters = Object.entries(readParameters(serverless));
  return Object.fromEntries(parameters.filter(([name, value]) => value !== defaults[name]));
}

function readParameters(serverless: Serverless): Record<string, string> {
  const defaults = readDefaults(serverless);
  const parameters = { ...defaults, ...readGivenParameters(serverless) };
  for (const name of Object.keys(parameters)) {
    if (Object.hasOwn(defaults, name)) continue;
    throw new DeploymentError(
      `Unknown parameter "${name}". Available parameters: ${Object.keys(defaults).join(', ')}.`,
    );
  }
  // The framework accepts no empty value on the command line.
  const isEmpty = ([name, value]: [string, string]) => value === 'none' && defaults[name] === '';
  return Object.fromEntries(Object.entries(parameters).map((entry) => (isEmpty(entry) ? [entry[0], ''] : entry)));
}

function readDefaults(serverless: Serverless): Record<string, string> {
  return toTexts(serverless.configurationInput.params?.default ?? {});
}

function toTexts(parameters: Record<string, unknown>): Record<string, string> {
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
  const allowed = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
  throw new DeploymentError(`The parameter ${name} must be ${allowed}, not "${parameters[name]}".`);
}

function readInteger(parameters: Record<string, string>, name: string, minimum: number, maximum: number): number {
  const value = parameters[name] ?? '';
  const integer = Number(value);
  if (/^\d+$/.test(value) && integer >= minimum && integer <= maximum) return integer;
  throw new DeploymentError(`The parameter ${name} must be an integer from ${minimum} to ${maximum}, not "${value}".`);
}

function readText(parameters: Record<string, string>, name: string, pattern: RegExp, description: string): string {
  const value = parameters[name] ?? '';
  if (value === '' || pattern.test(value)) return value;
  throw new DeploymentError(`The parameter ${name} must be ${description}, or none, not "${value}".`);
}

function readTimeout({ workerTimeout }: Record<string, string>): number {
  try {
    return readWorkerTimeout(workerTimeout);
  } catch (error) {
    throw new DeploymentError((error as Error).message, { cause: error });
  }
}
