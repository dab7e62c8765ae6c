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
import { type JsonObject, tryParseJsonObject } from '../../feishu/envelope.ts';
import { DeploymentError } from '../deployment-error.ts';

/** A secret in AWS Secrets Manager, in its current version. */
export interface StoredSecret {
  arn: string;
  versionId: string;
  values: Record<string, string>;
}

/** After its removal a secret can be restored for this time. */
export const RECOVERY_WINDOW_DAYS = 7;

/**
 * @returns `undefined` when there is no secret of this name, or only a removed one
 * @throws {DeploymentError} when the secret is something else than a JSON object of strings
 */
export async function readSecret(client: SecretsManagerClient, name: string): Promise<StoredSecret | undefined> {
  const { state } = await findSecret(client, name);
  if (state !== 'present') return undefined;
  const { ARN, VersionId, SecretString } = await client.send(new GetSecretValueCommand({ SecretId: name }));
  return { arn: ARN as string, versionId: VersionId as string, values: parseValues(name, SecretString) };
}

/** Creates the secret, brings it back from its removal, or gives it a new version. */
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

/** @returns whether there was one to remove; it can be restored for {@link RECOVERY_WINDOW_DAYS} */
export async function removeSecret(client: SecretsManagerClient, name: string): Promise<boolean> {
  const { state } = await findSecret(client, name);
  if (state !== 'present') return false;
  await client.send(new DeleteSecretCommand({ SecretId: name, RecoveryWindowInDays: RECOVERY_WINDOW_DAYS }));
  return true;
}

const DESCRIPTION = "The app's secrets. Change them with: npx serverless secrets";

async function putValue(
  client: SecretsManagerClient,
  input: { SecretId: string; SecretString: string },
  state: 'present' | 'removed',
) {
  if (state === 'removed') await client.send(new RestoreSecretCommand({ SecretId: input.SecretId }));
  return client.send(new PutSecretValueCommand(input));
}

async function findSecret(
  client: SecretsManagerClient,
  name: string,
): Promise<{ state: 'present' | 'removed' | 'absent' }> {
  try {
    const { DeletedDate } = await client.send(new DescribeSecretCommand({ SecretId: name }));
    return { state: DeletedDate === undefined ? 'present' : 'removed' };
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return { state: 'absent' };
    throw error;
  }
}

/** The message must not quote the value, as a parser's would. */
function parseValues(name: string, text = ''): Record<string, string> {
  const values = tryParseJsonObject(text);
  if (values !== undefined && isRecordOfStrings(values)) return values;
  throw new DeploymentError(`The secret ${name} is no JSON object of strings, such as {"FEISHU_APP_ID": "cli_…"}.`);
}

function isRecordOfStrings(values: JsonObject): values is Record<string, string> {
  return Object.values(values).every((item) => typeof item === 'string');
}
