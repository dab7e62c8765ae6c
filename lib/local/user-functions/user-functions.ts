import { findHandlerModule, type HandlerModule } from '../../build/handler-module.ts';
import { isResolved } from '../../build/read-yaml.ts';
import { asObject, type RawFunction, readServiceFunctions } from '../../build/service-functions.ts';
import { readSchedules, type Schedule } from './schedules.ts';

/** A function that the user added in extensions.yml or serverless.yml. */
export interface UserFunction {
  name: string;
  /** The module to run, or why the function cannot be run locally. */
  module: HandlerModule | { problem: string };
  timeoutSeconds: number;
  memoryMegabytes: number;
  /** The values of its `environment` that are the same in a deployment. */
  environment: Record<string, string>;
  /** Variables whose values only a deployment determines. */
  unresolvedVariables: string[];
  schedules: Schedule[];
}

export interface UserFunctions {
  functions: UserFunction[];
  /** Parts of `functions` in serverless.yml that only the framework can resolve. */
  unresolved: string[];
}

/** The template's functions, which the platform's requests and events invoke. */
export const TEMPLATE_FUNCTIONS: readonly string[] = ['webhook', 'worker', 'approvals'];

/** `provider.environment` sets them for the template's functions. */
const TEMPLATE_VARIABLES: ReadonlySet<string> = new Set(['QUEUE_URL', 'LOG_LEVEL', 'POWERTOOLS_SERVICE_NAME']);

/** The framework's defaults. */
const DEFAULT_TIMEOUT_SECONDS = 6;
const DEFAULT_MEMORY_MEGABYTES = 1024;

/**
 * Reads the functions that the user added.
 *
 * @param root the project's folder
 * @throws {Error} if a file cannot be read or is not valid YAML; the message names it
 */
export async function readUserFunctions(root: string): Promise<UserFunctions> {
  const { provider, functions, unresolved } = await readServiceFunctions(root);
  const own = [...functions].filter(([name]) => !TEMPLATE_FUNCTIONS.includes(name));
  return { functions: own.map(([name, definition]) => readFunction(root, name, definition, provider)), unresolved };
}

/**
 * Returns the environment to run a function in.
 *
 * @param user the variables of the process and of `.env`. They take precedence, so that a function can use other services
 *   locally.
 * @returns `missing`: the variables that have no value locally
 */
export function environmentOf({ environment, unresolvedVariables }: UserFunction, user: Record<string, string>) {
  return {
    environment: { ...environment, ...user },
    missing: unresolvedVariables.filter((name) => user[name] === undefined && !TEMPLATE_VARIABLES.has(name)),
  };
}

export function missingVariablesNotice(names: readonly string[]): string {
  return `Not set, because only a deployment determines their values: ${names.join(', ')}. If the function needs them, set them in .env.`;
}

function readFunction(root: string, name: string, definition: RawFunction, provider: RawFunction): UserFunction {
  const setting = (key: string) => definition[key] ?? provider[key];
  const { environment, events } = definition;
  const variables = Object.entries({ ...asObject(provider.environment), ...asObject(environment) });
  return {
    name,
    module: findModule(root, name, { ...definition, runtime: setting('runtime') }),
    timeoutSeconds: readNumber(setting('timeout')) ?? DEFAULT_TIMEOUT_SECONDS,
    memoryMegabytes: readNumber(setting('memorySize')) ?? DEFAULT_MEMORY_MEGABYTES,
    environment: Object.fromEntries(variables.flatMap(([key, value]) => (isLiteral(value) ? [[key, `${value}`]] : []))),
    unresolvedVariables: variables.flatMap(([key, value]) => (isLiteral(value) || value === null ? [] : [key])),
    schedules: readSchedules(events),
  };
}

function findModule(root: string, name: string, { handler, image, runtime }: RawFunction) {
  const isNode = String(runtime).startsWith('nodejs');
  if (image !== undefined || !isNode) {
    const kind = image === undefined ? `runs on ${runtime}` : 'is a container image';
    return {
      problem: `${name} ${kind}: npm run invoke runs only Node functions. The framework may be able to run it: npx serverless invoke local --function ${name}`,
    };
  }
  const module = typeof handler === 'string' ? findHandlerModule(root, handler) : undefined;
  if (module !== undefined) return module;
  return {
    problem: `The handler of ${name} is ${handler}, but there is no such module. Write it as folder/module.export.`,
  };
}

function isLiteral(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value) && isResolved(value);
}

function readNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && number > 0 ? number : undefined;
}
