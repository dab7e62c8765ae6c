import { readYaml } from './read-yaml.ts';

export const EXTENSIONS_FILE = 'extensions.yml';
const SECTIONS = [
  'params',
  'secrets',
  'environment',
  'iamStatements',
  'callbacks',
  'approvals',
  'vpc',
  'tags',
  'functions',
  'resources',
  'packages',
];
/** The settings below `callbacks` and `approvals`. */
const HANDLER_SETTINGS = ['secrets', 'environment', 'iamStatements'];
const CALLBACK_SETTINGS = ['feishu', ...HANDLER_SETTINGS];
/** https://docs.npmjs.com/cli/configuring-npm/package-json#name */
const PACKAGE_NAME = /^(@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]*$/;
/** https://docs.aws.amazon.com/lambda/latest/api/API_Environment.html */
const VARIABLE_NAME = /^[A-Za-z]\w+$/;
/** Variables that Lambda or the template sets. */
const RESERVED_NAME =
  /^(AWS_.*|LAMBDA_.*|FEISHU_.*|POWERTOOLS_.*|QUEUE_URL|QUEUE_ORDERING|DEAD_LETTER_QUEUE_URL|LARGE_EVENTS_BUCKET|CLAIMS_TABLE|STATE_TABLE|LIMIT_CALL_RATE|LOG_LEVEL|HEALTH_PORT)$/;
/** Callbacks and approvals may ask for the credentials, which their functions otherwise do not have. */
const APP_CREDENTIALS = ['FEISHU_APP_ID', 'FEISHU_APP_SECRET'];

/** What handlers of one kind see in `process.env`, and what they may do. */
export interface HandlerSettings {
  /** Names of secrets, which are read from `.env` and stored in the stage's secret. */
  secrets: string[];
  environment: Record<string, unknown>;
  iamStatements: unknown[];
}

export interface CallbackSettings extends HandlerSettings {
  /** Whether callback handlers have the `feishu` client. The secrets then contain the app's credentials. */
  feishu: boolean;
}

/** What the user adds to the service in `extensions.yml`. */
export interface Extensions extends HandlerSettings {
  /** Values of the template's parameters, by stage; `default` applies to all stages. */
  params: Record<string, Record<string, unknown>>;
  /** The worker's VPC. */
  vpc: Record<string, unknown> | undefined;
  /** For all functions and the stack's other resources. */
  tags: Record<string, string>;
  /** For callback handlers, which run in the webhook and in the long connection's task. */
  callbacks: CallbackSettings;
  /** For the modules in `functions/handlers/approvals`. */
  approvals: HandlerSettings;
  functions: Record<string, unknown>;
  /** The names of packages that are installed next to the bundles. */
  packages: string[];
}

/**
 * Reads `extensions.yml` without resolving variables or CloudFormation tags.
 *
 * @param root the project's folder
 * @returns empty sections for those that the file does not contain
 * @throws {Error} if the file cannot be read, is not YAML, or has an invalid section
 */
export async function readExtensions(root: string): Promise<Extensions> {
  return parseExtensions(await readYaml(root, EXTENSIONS_FILE));
}

/**
 * Checks the content of `extensions.yml`.
 *
 * @param value `null` or `undefined` if the file is empty
 * @returns empty sections for those that the file does not contain
 * @throws {Error} if a section is unknown or invalid; the message names it
 */
export function parseExtensions(value: unknown): Extensions {
  const content = value ?? {};
  if (!isMap(content)) throw new Error(`${EXTENSIONS_FILE} must contain sections.`);
  const unknown = Object.keys(content).find((name) => !SECTIONS.includes(name));
  if (unknown !== undefined) {
    throw new Error(
      `${EXTENSIONS_FILE} has the unknown section \`${unknown}\`. It can contain: ${SECTIONS.join(', ')}.`,
    );
  }
  return {
    ...readHandlerSettings(content, ''),
    vpc: content.vpc == null ? undefined : readMap(content.vpc, 'vpc'),
    tags: readMap(content.tags, 'tags') as Extensions['tags'],
    params: readParams(content.params),
    callbacks: readCallbacks(content.callbacks),
    approvals: readApprovals(content.approvals),
    functions: (content.functions ?? {}) as Extensions['functions'],
    packages: readPackages(content.packages),
  };
}

function readParams(value: unknown): Extensions['params'] {
  const params = readMap(value, 'params');
  return Object.fromEntries(
    Object.entries(params).map(([stage, values]) => [stage, readMap(values, `params.${stage}`)]),
  );
}

function readCallbacks(value: unknown): CallbackSettings {
  const content = readMap(value, 'callbacks');
  checkSettings(content, 'callbacks', CALLBACK_SETTINGS);
  const { feishu = false } = content;
  if (typeof feishu !== 'boolean') {
    throw new Error(
      `\`callbacks.feishu\` in ${EXTENSIONS_FILE} must be true or false. The bundles depend on it, so it cannot be a variable.`,
    );
  }
  const settings = readHandlerSettings(content, 'callbacks.', APP_CREDENTIALS);
  const secrets = feishu ? [...new Set([...settings.secrets, ...APP_CREDENTIALS])] : settings.secrets;
  return { ...settings, secrets, feishu };
}

function readApprovals(value: unknown): HandlerSettings {
  const content = readMap(value, 'approvals');
  checkSettings(content, 'approvals', HANDLER_SETTINGS);
  return readHandlerSettings(content, 'approvals.', APP_CREDENTIALS);
}

function checkSettings(content: Record<string, unknown>, section: string, allowed: readonly string[]): void {
  const unknown = Object.keys(content).find((name) => !allowed.includes(name));
  if (unknown === undefined) return;
  throw new Error(
    `\`${section}\` in ${EXTENSIONS_FILE} has the unknown setting \`${unknown}\`. It can contain: ${allowed.join(', ')}.`,
  );
}

function readHandlerSettings(
  content: Record<string, unknown>,
  prefix: string,
  allowed: readonly string[] = [],
): HandlerSettings {
  const names = readList(content.secrets, `${prefix}secrets`);
  const secrets = names.map((name) => checkVariableName(name, `${prefix}secrets`, allowed));
  const environment = readMap(content.environment, `${prefix}environment`);
  for (const name of Object.keys(environment)) checkVariableName(name, `${prefix}environment`, []);
  const duplicate = secrets.find((name) => name in environment);
  const iamStatements = readList(content.iamStatements, `${prefix}iamStatements`);
  if (duplicate === undefined) return { secrets, environment, iamStatements };
  throw new Error(`${duplicate} is in both \`${prefix}secrets\` and \`${prefix}environment\` in ${EXTENSIONS_FILE}.`);
}

function checkVariableName(name: unknown, section: string, allowed: readonly string[]): string {
  if (typeof name !== 'string' || !VARIABLE_NAME.test(name)) {
    throw new Error(
      `\`${section}\` in ${EXTENSIONS_FILE} contains ${JSON.stringify(name)}. Use names of environment variables, such as OPENAI_API_KEY.`,
    );
  }
  if (RESERVED_NAME.test(name) && !allowed.includes(name)) {
    throw new Error(
      `\`${section}\` in ${EXTENSIONS_FILE} contains ${name}, which is reserved: Lambda or the template sets it. Use another name.`,
    );
  }
  return name;
}

function readPackages(value: unknown): string[] {
  if (value != null && !Array.isArray(value)) {
    throw new Error(
      `\`packages\` in ${EXTENSIONS_FILE} must be a list of package names, such as [sharp, pino-pretty].`,
    );
  }
  const packages: unknown[] = value ?? [];
  const invalid = packages.find((name) => typeof name !== 'string' || !PACKAGE_NAME.test(name));
  if (invalid !== undefined) {
    throw new Error(
      `\`packages\` in ${EXTENSIONS_FILE} contains ${JSON.stringify(invalid)}, which is not the name of a package. package.json has its version.`,
    );
  }
  return packages as string[];
}

function readMap(value: unknown, section: string): Record<string, unknown> {
  const map = value ?? {};
  if (isMap(map)) return map;
  throw new Error(`\`${section}\` in ${EXTENSIONS_FILE} must contain lines of the form \`name: value\`.`);
}

function readList(value: unknown, section: string): unknown[] {
  const list = value ?? [];
  if (Array.isArray(list)) return list;
  throw new Error(`\`${section}\` in ${EXTENSIONS_FILE} must be a list.`);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
