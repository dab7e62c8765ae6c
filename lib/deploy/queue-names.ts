import {
  DescribeSecretCommand,
  ResourceNotFoundException,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { RECOVERY_WINDOW_DAYS } from './secrets/secret-store.ts';

/**
 * SQS does not accept the name of a deleted queue earlier.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html
 */
const BLOCKED_MILLISECONDS = 60_000;
const RECOVERY_WINDOW_MILLISECONDS = RECOVERY_WINDOW_DAYS * 24 * 60 * 60 * 1000;

/**
 * Returns when SQS accepts the names of a removed stack's queues again. `serverless remove` deletes the secret right after
 * the queues, and Secrets Manager remembers when.
 *
 * @returns milliseconds since 1970, 0 if no stack was removed
 */
export async function queueNamesFreeAt(client: SecretsManagerClient, secretName: string, now: number): Promise<number> {
  try {
    const { DeletedDate } = await client.send(new DescribeSecretCommand({ SecretId: secretName }));
    return DeletedDate === undefined ? 0 : freeAt(DeletedDate, now);
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return 0;
    throw error;
  }
}

/**
 * @param deletedDate the date of the deletion, or the end of the recovery window, which the documentation calls the date
 *   that the secret is scheduled for deletion
 */
export function freeAt(deletedDate: Date, now: number): number {
  const isScheduled = deletedDate.getTime() > now + BLOCKED_MILLISECONDS;
  return deletedDate.getTime() - (isScheduled ? RECOVERY_WINDOW_MILLISECONDS : 0) + BLOCKED_MILLISECONDS;
}
