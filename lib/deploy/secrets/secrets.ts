import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DeploymentError } from '../deployment-error.ts';
import type { DeployOptions } from '../options.ts';
import type { Serverless } from '../serverless.ts';
import { RECOVERY_WINDOW_DAYS, readSecret, removeSecret, type StoredSecret, writeSecret } from './secret-store.ts';
import { describeMissing, readLocalSecrets, secretNames } from './secret-values.ts';

/** @returns the name in AWS Secrets Manager of the secret that a deployment of this service and stage uses */
export function secretNameOf(serverless: Serverless): string {
  return `${serverless.service.service}/${serverless.getProvider('aws').getStage()}`;
}

/** The secret of one stage, and what decides what belongs in it. */
export interface StageSecret {
  client: SecretsManagerClient;
  /** Its name in AWS Secrets Manager. */
  name: string;
  stage: string;
  /** The project's folder, with `.env` in it. */
  root: string;
  options: DeployOptions;
  /** Takes what a person should know: names, never a value. */
  notice: (text: string) => void;
}

/**
 * Finds the secret that a deployment uses, and creates it where there is none yet.
 *
 * @throws {DeploymentError} when it lacks what the deployment needs; the message says what to do
 */
export async function ensureSecret(secret: StageSecret): Promise<StoredSecret> {
  const stored = await readSecret(secret.client, secret.name);
  if (stored !== undefined) {
    const missing = describeMissing(stored.values, secret.options);
    if (missing === undefined) return stored;
    throw new DeploymentError(
      `${missing} The secret ${secret.name} has ${list(stored.values)}. ` +
        `Put the rest into .env and run: npx serverless secrets --stage ${secret.stage}`,
    );
  }
  const values = withoutEmpty(await readLocalSecrets(secret.root, secretNames(secret.options)));
  const missing = describeMissing(values, secret.options);
  if (missing !== undefined) {
    throw new DeploymentError(
      `The app's secrets are not in AWS yet, and .env has ${list(values)}. ${missing} ` +
        'Put them into .env, one NAME=value a line, or into the environment, and deploy again.',
    );
  }
  secret.notice(
    `There is no secret ${secret.name} yet: creating it from .env and the environment, with ${list(values)}.`,
  );
  return writeSecret(secret.client, secret.name, values);
}

/**
 * `npx serverless secrets`: takes over what `.env` and the environment set. What they do not mention stays; what they set
 * to nothing goes.
 */
export async function saveSecrets(secret: StageSecret): Promise<void> {
  const stored = await readSecret(secret.client, secret.name);
  const local = await readLocalSecrets(secret.root, secretNames(secret.options));
  const before: Record<string, string> = stored?.values ?? {};
  const after = withoutEmpty({ ...before, ...local });
  const missing = describeMissing(after, secret.options);
  if (missing !== undefined) throw new DeploymentError(`${missing} .env and the environment have ${list(local)}.`);

  const changes = [
    ...describeChange('new', after, (key) => before[key] === undefined),
    ...describeChange('changed', after, (key) => before[key] !== undefined && before[key] !== after[key]),
    ...describeChange('taken out', before, (key) => after[key] === undefined),
  ];
  if (changes.length === 0) {
    secret.notice(`The secret ${secret.name} stays as it is, with ${list(after)}.`);
    return;
  }
  await writeSecret(secret.client, secret.name, after);
  secret.notice(`The secret ${secret.name} is ${stored ? 'updated' : 'created'}: ${changes.join('; ')}.`);
  secret.notice(`The functions take it over with: npx serverless deploy --stage ${secret.stage}`);
}

/** After the stack, its secret goes too. */
export async function dropSecret({ client, name, notice }: Omit<StageSecret, 'options'>): Promise<void> {
  if (!(await removeSecret(client, name))) return;
  notice(`The secret ${name} is removed as well. For ${RECOVERY_WINDOW_DAYS} days it can be restored:`);
  notice(`aws secretsmanager restore-secret --secret-id ${name}`);
}

function withoutEmpty(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).flatMap(([name, value]) => (value ? [[name, value]] : [])));
}

function list(values: object): string {
  return Object.keys(values).sort().join(', ') || 'none of them';
}

function describeChange(change: string, values: Record<string, string>, isChanged: (key: string) => boolean): string[] {
  const names = Object.keys(values).filter(isChanged);
  return names.length === 0 ? [] : [`${change} ${names.join(', ')}`];
}
