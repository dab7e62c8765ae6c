import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { batchGet } from './batch-get.ts';
import { expirationAfter, itemId } from './table-items.ts';

/**
 * Counts the deliveries of a message that ended because the platform limited the rate of calls, or with a `Continue`. SQS
 * counts each delivery, so these are subtracted from its receive count.
 *
 * The items are separate from the idempotency records, which all messages with the same event share.
 */
export interface Returns {
  /**
   * @returns the counts above zero, by message id
   * @throws the SDK's errors, and an `Error` if DynamoDB is throttled
   */
  read(messageIds: readonly string[], signal: AbortSignal): Promise<Map<string, number>>;
  /** @throws the SDK's errors */
  write(messageId: string, count: number, signal: AbortSignal): Promise<void>;
}

/** Longer than the 14 days that the queue keeps a message. */
const KEPT_SECONDS = 15 * 24 * 60 * 60;

/** @param tableName the table that `CLAIMS_TABLE` names */
export function createReturns(client: DynamoDBClient, tableName: string): Returns {
  return {
    async read(messageIds, signal) {
      const messageIdByItem = new Map(messageIds.map((messageId) => [itemId('returns', messageId), messageId]));
      const items = await batchGet(client, tableName, [...messageIdByItem.keys()], { signal });
      return new Map(items.map(({ id, count }) => [messageIdByItem.get(`${id?.S}`) as string, Number(count?.N)]));
    },

    async write(messageId, count, signal) {
      const Item = {
        id: { S: itemId('returns', messageId) },
        count: { N: `${count}` },
        expiration: expirationAfter(KEPT_SECONDS, Date.now()),
      };
      await client.send(new PutItemCommand({ TableName: tableName, Item }), { abortSignal: signal });
    },
  };
}
