import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';

/** The kinds of items in the worker's table. Each is the prefix of the item's key. */
type ItemKind =
  | 'event'
  | 'failure'
  | 'redrive'
  | 'app-ticket'
  | 'returns'
  | 'call-schedule'
  | 'token'
  | 'continuation'
  | 'streams';

/** Returns the partition key `id` of an item. */
export function itemId(kind: ItemKind, name: string): string {
  return `${kind}#${name}`;
}

/**
 * Returns the attribute `expiration`, the table's time to live.
 *
 * @param startMilliseconds since the epoch
 */
export function expirationAfter(seconds: number, startMilliseconds: number): { N: string } {
  return { N: `${Math.floor(startMilliseconds / 1000) + seconds}` };
}

/**
 * Awaits a conditional write.
 *
 * @returns the exception if the item does not meet the condition, `undefined` if it was written
 * @throws DynamoDB's other errors
 */
export async function conditionFailure(write: Promise<unknown>): Promise<ConditionalCheckFailedException | undefined> {
  try {
    await write;
    return undefined;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return error;
    throw error;
  }
}
