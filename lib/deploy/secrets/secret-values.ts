import path from 'node:path';
import { LOCAL_SECRET_PREFIX } from '../../cli/environment.ts';
import { readEnvironmentFile } from '../../cli/environment-file.ts';
import { tryParseJsonObject } from '../../feishu/envelope.ts';
import { DeploymentError } from '../deployment-error.ts';
import type { DeployOptions } from '../options.ts';

/** The names of the app's secrets: environment variables, lines in `.env`, and keys of the deployed secret. */
export const APP_SECRETS = ['FEISHU_APP_ID', 'FEISHU_APP_SECRET'] as const;
export const WEBHOOK_SECRETS = ['FEISHU_ENCRYPT_KEY', 'FEISHU_VERIFICATION_TOKEN'] as const;

type Values = Readonly<Record<string, string | undefined>>;

/**
 * Returns the names of the secrets that the enabled parts of the stack use.
 *
 * @param handlerSecrets the names in `extensions.yml`
 */
export function secretNames(
  { webhook }: Pick<DeployOptions, 'webhook'>,
  handlerSecrets: readonly string[],
): readonly string[] {
  return [...new Set([...APP_SECRETS, ...(webhook ? WEBHOOK_SECRETS : []), ...handlerSecrets])];
}

/**
 * Parses a stored secret. Does not throw, because the message of a parser's error quotes the value.
 *
 * @returns `undefined` if the text is not a JSON object of strings
 */
export function parseSecretValues(text: string): Record<string, string> | undefined {
  const values = tryParseJsonObject(text);
  const hasOnlyStrings = values !== undefined && Object.values(values).every((value) => typeof value === 'string');
  return hasOnlyStrings ? (values as Record<string, string>) : undefined;
}

/**
 * Reads the secrets from the environment, and from `.env` if the environment does not set them. Unlike `npm start`, never
 * creates a `.env`.
 *
 * @param root the project's folder
 * @param generatesKeys whether random values that `npm start` wrote are left out, because others are generated
 * @returns those of `names` that are set; an empty value removes the secret
 * @throws {DeploymentError} if a value is a random one that `npm start` wrote
 */
export async function readLocalSecrets(
  root: string,
  names: readonly string[],
  { generatesKeys }: { generatesKeys: boolean },
  processEnvironment: Values = process.env,
): Promise<Record<string, string>> {
  const file = await readEnvironmentFile(path.join(root, '.env'));
  const found = names.flatMap((name) => {
    const value = processEnvironment[name] ?? file[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const isRandom = ([name, value]: readonly [string, string]) =>
    WEBHOOK_SECRETS.some((generated) => generated === name) && value.startsWith(LOCAL_SECRET_PREFIX);
  if (generatesKeys) return Object.fromEntries(found.filter((entry) => !isRandom(entry)));
  const random = found.filter(isRandom).map(([name]) => name);
  if (random.length > 0) {
    throw new DeploymentError(
      `.env contains random values from npm start, for local use only: ${random.join(' and ')}. Replace them with the ` +
        "app's own from the developer console (Events & Callbacks, Encryption Strategy), or deploy with --param " +
        'configureApp=true, which generates others and sets them in the app.',
    );
  }
  return Object.fromEntries(found);
}

/**
 * Describes the secrets that are missing for the enabled parts of the stack and for handlers.
 *
 * @param handlerSecrets the names in `extensions.yml`
 */
export function describeMissing(
  values: Values,
  options: DeployOptions,
  handlerSecrets: readonly string[],
): string | undefined {
  if (options.longConnection && APP_SECRETS.some((name) => !values[name])) {
    return `The long connection needs ${APP_SECRETS.join(' and ')} (developer console: Credentials & Basic Info).`;
  }
  if (options.webhook && WEBHOOK_SECRETS.every((name) => !values[name])) {
    return (
      `The webhook needs ${WEBHOOK_SECRETS.join(' or ')}, or both, to reject forged events ` +
      '(developer console: Events & Callbacks, Encryption Strategy).'
    );
  }
  const missing = handlerSecrets.filter((name) => !values[name]);
  if (missing.length > 0) return `extensions.yml needs secrets that have no value: ${missing.join(', ')}.`;
  return;
}
