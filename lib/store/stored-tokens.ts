import { type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { rejectOnAbort } from '../util/deadline.ts';
import { conditionFailure, itemId } from './table-items.ts';

/** An app's tenant access token, encrypted. */
export interface StoredToken {
  sealed: Uint8Array;
  /** Seconds since the epoch. DynamoDB deletes the item some time later. */
  expiration: number;
}

/**
 * The tokens that all workers share: one item per app. All methods throw the SDK's errors, and the signal's reason if it
 * aborts first.
 */
export interface StoredTokens {
  /** @returns `undefined` if there is none; it may have expired */
  read(appId: string, signal: AbortSignal): Promise<StoredToken | undefined>;
  /**
   * Stores a token.
   *
   * @param isReplacement whether the stored token cannot be used. Otherwise one that expires later is kept.
   */
  write(appId: string, token: StoredToken, isReplacement: boolean, signal: AbortSignal): Promise<void>;
}

/** @param tableName the table that `CLAIMS_TABLE` names */
export function createStoredTokens(client: DynamoDBClient, tableName: string): StoredTokens {
  const keyOf = (appId: string) => ({ id: { S: itemId('token', appId) } });

  return {
    async read(appId, signal) {
      const command = new GetItemCommand({ TableName: tableName, Key: keyOf(appId), ConsistentRead: true });
      const { Item } = await rejectOnAbort(signal, client.send(command, { abortSignal: signal }));
      // A damaged item is one that cannot be decrypted.
      return Item && { sealed: Item.sealed?.B ?? new Uint8Array(), expiration: Number(Item.expiration?.N) };
    },

    async write(appId, { sealed, expiration }, isReplacement, signal) {
      const command = new PutItemCommand({
        TableName: tableName,
        Item: { ...keyOf(appId), sealed: { B: sealed }, expiration: { N: `${expiration}` } },
        ...(!isReplacement && {
          ConditionExpression: 'attribute_not_exists(id) OR expiration < :expiration',
          ExpressionAttributeValues: { ':expiration': { N: `${expiration}` } },
        }),
      });
      await conditionFailure(rejectOnAbort(signal, client.send(command, { abortSignal: signal })));
    },
  };
}
