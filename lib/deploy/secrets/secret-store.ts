import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  RestoreSecretCommand,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { DeploymentError } from '../deployment-error.ts';
import { parseSecretValues } from './secret-values.ts';

/** The current version of a secret in AWS Secrets Manager. */
export interface StoredSecret {
  arn: string;
  versionId: string;
  values: Record<string, string>;
}

/** For how long a deleted secret can be restored. */
export const RECOVERY_WINDOW_DAYS = 7;

/**
 * Reads a secret.
 *
 * @returns `undefined` if the secret does not exist or is deleted
 * @throws {DeploymentError} if the secret is not a JSON object of strings
 */
export async function readSecret(client: SecretsManagerClient, name: string): Promise<StoredSecret | undefined> {
  const { state } = await findSecret(client, name);
  if (state !== 'present') return undefined;
  const { ARN, VersionId, SecretString } = await client.send(new GetSecretValueCommand({ SecretId: name }));
  const values = parseSecretValues(SecretString ?? '');
  if (values !== undefined) return { arn: ARN as string, versionId: VersionId as string, values };
  throw new DeploymentError(
    `The secret ${name} is not a JSON object of strings, such as {"FEISHU_APP_ID": "cli_…"}. Fix it in Secrets Manager.`,
  );
}

/** Creates the secret, or restores it if it was deleted, and stores the values as its new version. */
export async function writeSecret(
  client: SecretsManagerClient,
  name: string,
  values: Record<string, string>,
): Promise<StoredSecret> {
  const { state } = await findSecret(client, name);
  const SecretString = JSON.stringify(values);
  const { ARN, VersionId } =
    state === 'absent'
      ? await client.send(new CreateSecretCommand({ Name: name, SecretString, Description: DESCRIPTION }))
      : await putValue(client, { SecretId: name, SecretString }, state);
  return { arn: ARN as string, versionId: VersionId as string, values };
}

/**
 * Deletes the secret. It can be restored for {@link RECOVERY_WINDOW_DAYS}.
 *
 * @returns whether the secret existed
 */
export async function deleteSecret(client: SecretsManagerClient, name: string): Promise<boolean> {
  const { state } = await findSecret(client, name);
  if (state !== 'present') return false;
  await client.send(new DeleteSecretCommand({ SecretId: name, RecoveryWindowInDays: RECOVERY_WINDOW_DAYS }));
  return true;
}

const DESCRIPTION = "The app's secrets. Change them with: npx serverless secrets";

async function putValue(
  client: SecretsManagerClient,
  input: { SecretId: string; SecretString: string },
  state: 'present' | 'deleted',
) {
  if (state === 'deleted') await client.send(new RestoreSecretCommand({ SecretId: input.SecretId }));
  return client.send(new PutSecretValueCommand(input));
}

async function findSecret(
  client: SecretsManagerClient,
  name: string,
): Promise<{ state: 'present' | 'deleted' | 'absent' }> {
  try {
    const { DeletedDate } = await client.send(new DescribeSecretCommand({ SecretId: name }));
    return { state: DeletedDate === undefined ? 'present' : 'deleted' };
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return { state: 'absent' };
    throw error;
  }
}
