import { setTimeout as sleep } from 'node:timers/promises';
import { type AttributeValue, BatchGetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';

/** DynamoDB's limit per request. */
const MAXIMUM_KEYS = 100;
/** DynamoDB leaves keys unprocessed if it is throttled or the response would exceed 16 MB. */
const MAXIMUM_ATTEMPTS = 8;
/** Doubles with each attempt, as DynamoDB's documentation recommends. */
const FIRST_DELAY_MILLISECONDS = 20;

/**
 * Reads items with strongly consistent reads from a table whose partition key is the string `id`.
 *
 * @param ids without duplicates
 * @returns the items that exist, in any order
 * @throws the SDK's errors, and an `Error` if DynamoDB leaves keys unprocessed eight times in a row
 */
export async function batchGet(
  client: DynamoDBClient,
  tableName: string,
  ids: readonly string[],
  options: { signal?: AbortSignal } = {},
): Promise<Record<string, AttributeValue>[]> {
  const items: Record<string, AttributeValue>[] = [];
  for (let start = 0; start < ids.length; start += MAXIMUM_KEYS) {
    let keys: Record<string, AttributeValue>[] = ids
      .slice(start, start + MAXIMUM_KEYS)
      .map((id) => ({ id: { S: id } }));
    for (let attempt = 1; keys.length > 0; attempt += 1) {
      if (attempt > MAXIMUM_ATTEMPTS) {
        throw new Error(`DynamoDB is throttled: it left ${keys.length} keys of ${tableName} unprocessed. Retry later.`);
      }
      if (attempt > 1) await sleep(FIRST_DELAY_MILLISECONDS * 2 ** (attempt - 2), undefined, options);
      const command = new BatchGetItemCommand({ RequestItems: { [tableName]: { Keys: keys, ConsistentRead: true } } });
      const { Responses, UnprocessedKeys } = await client.send(
        command,
        options.signal && { abortSignal: options.signal },
      );
      items.push(...(Responses?.[tableName] ?? []));
      keys = UnprocessedKeys?.[tableName]?.Keys ?? [];
    }
  }
  return items;
}
