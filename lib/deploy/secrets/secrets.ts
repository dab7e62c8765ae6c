import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { createKeys, PROGRESS_VARIABLE } from '../../app/keys.ts';
import { DeploymentError } from '../deployment-error.ts';
import type { DeployOptions } from '../options.ts';
import type { Serverless } from '../serverless.ts';
import { deleteSecret, RECOVERY_WINDOW_DAYS, readSecret, type StoredSecret, writeSecret } from './secret-store.ts';
import { APP_SECRETS, describeMissing, readLocalSecrets, secretNames, WEBHOOK_SECRETS } from './secret-values.ts';

/** Returns the name in AWS Secrets Manager of the secret for this service and stage. */
export function secretNameOf(serverless: Serverless): string {
  return `${serverless.service.service}/${serverless.getProvider('aws').getStage()}`;
}

/** The secret of one stage, and the options that determine its keys. */
export interface StageSecret {
  client: SecretsManagerClient;
  /** Its name in AWS Secrets Manager. */
  name: string;
  stage: string;
  /** The project's folder, which contains `.env`. */
  root: string;
  options: DeployOptions;
  /** The names of secrets in `extensions.yml`. */
  handlerSecrets: readonly string[];
  /** Prints a message, which never contains a value. */
  notice: (text: string) => void;
}

/**
 * Returns the secret for a deployment. Creates it from `.env` and the environment if it does not exist. If the deployment
 * configures the app, generates the Encrypt Key and the Verification Token if both are missing.
 *
 * @throws {DeploymentError} if it lacks a value that the deployment needs
 */
export async function ensureSecret(secret: StageSecret): Promise<StoredSecret> {
  const stored = await readSecret(secret.client, secret.name);
  if (stored !== undefined) {
    const completed = withGeneratedKeys(stored.values, secret);
    const missing = describeMissing(completed, secret.options, secret.handlerSecrets);
    if (missing === undefined && completed === stored.values) return stored;
    if (missing === undefined) return writeSecret(secret.client, secret.name, completed);
    throw new DeploymentError(
      `${missing} The secret ${secret.name} contains ${list(stored.values)}. ` +
        `Add the missing values to .env and run: npx serverless secrets --stage ${secret.stage}`,
    );
  }
  const values = withGeneratedKeys(withoutEmpty(await readSecrets(secret)), secret);
  const missing = describeMissing(values, secret.options, secret.handlerSecrets);
  if (missing !== undefined) {
    throw new DeploymentError(
      `The app's secrets are not in AWS yet, and .env contains ${list(values)}. ${missing} ` +
        'Add them to .env, one NAME=value per line, or to the environment, and deploy again.',
    );
  }
  secret.notice(`Creating the secret ${secret.name} from .env and the environment, with ${list(values)}.`);
  return writeSecret(secret.client, secret.name, values);
}

/**
 * Runs `npx serverless secrets`: copies the values from `.env` and the environment to the secret. An empty value removes
 * its key; other keys stay.
 */
export async function saveSecrets(secret: StageSecret): Promise<void> {
  const stored = await readSecret(secret.client, secret.name);
  const before: Record<string, string> = stored?.values ?? {};
  const local = withoutManaged(await readSecrets(secret), before, secret);
  const after = withGeneratedKeys(withoutEmpty({ ...before, ...local }), secret);
  const missing = describeMissing(after, secret.options, secret.handlerSecrets);
  if (missing !== undefined) throw new DeploymentError(`${missing} .env and the environment contain ${list(local)}.`);

  const changes = [
    ...describeChange('new', after, (key) => before[key] === undefined),
    ...describeChange('changed', after, (key) => before[key] !== undefined && before[key] !== after[key]),
    ...describeChange('removed', before, (key) => after[key] === undefined),
  ];
  if (changes.length === 0) {
    secret.notice(`The secret ${secret.name} is unchanged, with ${list(after)}.`);
    return;
  }
  await writeSecret(secret.client, secret.name, after);
  secret.notice(`${stored ? 'Updated' : 'Created'} the secret ${secret.name}: ${changes.join('; ')}.`);
  secret.notice(`To apply it, run: npx serverless deploy --stage ${secret.stage}`);
}

/** Deletes the secret after its stack was removed. */
export async function removeStageSecret({
  client,
  name,
  notice,
}: Omit<StageSecret, 'options' | 'handlerSecrets'>): Promise<void> {
  if (!(await deleteSecret(client, name))) return;
  notice(`Deleted the secret ${name}. You can restore it for ${RECOVERY_WINDOW_DAYS} days:`);
  notice(`aws secretsmanager restore-secret --secret-id ${name}`);
}

function readSecrets({ root, options, handlerSecrets }: StageSecret): Promise<Record<string, string>> {
  return readLocalSecrets(root, secretNames(options, handlerSecrets), { generatesKeys: options.configureApp });
}

function withGeneratedKeys(
  values: Record<string, string>,
  { options, name, notice }: StageSecret,
): Record<string, string> {
  const isPossible = options.webhook && options.configureApp && APP_SECRETS.every((key) => values[key]);
  if (!isPossible || WEBHOOK_SECRETS.some((key) => values[key])) return values;
  notice(
    `Generating ${WEBHOOK_SECRETS.join(' and ')} for the secret ${name}. The deployment sets them in the app, too.`,
  );
  return { ...values, ...createKeys() };
}

/** Keys that `app apply` has changed: those in `.env` are older. */
function withoutManaged(
  local: Record<string, string>,
  before: Record<string, string>,
  { name, notice }: StageSecret,
): Record<string, string> {
  if (before[PROGRESS_VARIABLE] === undefined) return local;
  const kept = WEBHOOK_SECRETS.filter((key) => local[key] !== undefined && local[key] !== before[key]);
  if (kept.length === 0) return local;
  notice(
    `The secret ${name} keeps its ${kept.join(' and ')}: they were generated. To change them, run: npx serverless app apply --rotate-keys`,
  );
  return Object.fromEntries(Object.entries(local).filter(([key]) => !kept.some((managed) => managed === key)));
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
