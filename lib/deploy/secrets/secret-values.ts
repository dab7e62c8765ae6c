import path from 'node:path';
import { LOCAL_SECRET_PREFIX, readEnvironmentFile } from '../../cli/environment.ts';
import { DeploymentError } from '../deployment-error.ts';
import type { DeployOptions } from '../options.ts';

/** The app's secrets: as environment variables, in `.env`, and as the keys of the deployed secret. */
const APP_SECRETS = ['FEISHU_APP_ID', 'FEISHU_APP_SECRET'] as const;
const WEBHOOK_SECRETS = ['FEISHU_ENCRYPT_KEY', 'FEISHU_VERIFICATION_TOKEN'] as const;
export type SecretName = (typeof APP_SECRETS)[number] | (typeof WEBHOOK_SECRETS)[number];

type Values = Readonly<Record<string, string | undefined>>;

/** The secrets that the chosen parts of the stack use. */
export function secretNames({ webhook }: Pick<DeployOptions, 'webhook'>): readonly SecretName[] {
  return webhook ? [...APP_SECRETS, ...WEBHOOK_SECRETS] : APP_SECRETS;
}

/**
 * Reads the secrets of this machine: of the environment, else of `.env`. Never writes a `.env`, as `npm start` does.
 *
 * @param root the project's folder
 * @returns those of `names` that are set; an empty one means that it is to be taken out
 * @throws {DeploymentError} when one is the random value that `npm start` wrote
 */
export async function readLocalSecrets(
  root: string,
  names: readonly SecretName[],
  processEnvironment: Values = process.env,
): Promise<Partial<Record<SecretName, string>>> {
  const file = await readEnvironmentFile(path.join(root, '.env'));
  const found = names.flatMap((name) => {
    const value = processEnvironment[name] ?? file[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const random = found.filter(([, value]) => value.startsWith(LOCAL_SECRET_PREFIX)).map(([name]) => name);
  if (random.length > 0) {
    throw new DeploymentError(
      `${random.join(' and ')} in .env: a random value that npm start wrote to try things out on this machine. ` +
        `Put in the app's own, from its developer console (Events & Callbacks, Encryption Strategy), or take the line out.`,
    );
  }
  return Object.fromEntries(found);
}

/** @returns what is missing for the chosen parts of the stack to work, in a person's words */
export function describeMissing(values: Values, options: DeployOptions): string | undefined {
  if (options.longConnection && APP_SECRETS.some((name) => !values[name])) {
    return 'The long connection needs FEISHU_APP_ID and FEISHU_APP_SECRET (developer console: Credentials & Basic Info).';
  }
  if (options.webhook && WEBHOOK_SECRETS.every((name) => !values[name])) {
    return (
      'The webhook needs FEISHU_ENCRYPT_KEY or FEISHU_VERIFICATION_TOKEN, or both, to tell events from forged ones ' +
      '(developer console: Events & Callbacks, Encryption Strategy).'
    );
  }
  return;
}
