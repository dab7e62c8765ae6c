import { type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { conditionFailure, expirationAfter, itemId } from './table-items.ts';

/**
 * Records which message replaced a dead letter. A redrive sends a copy and then deletes the dead letter. If it is
 * interrupted in between, the next redrive may send a second copy. The first copy that the redrive or the worker
 * records is the successor, and the worker ignores any other.
 */
export interface Redrives {
  /** Returns the id of the message that replaced the dead letter, if one did. */
  successorOf(deadMessageId: string): Promise<string | undefined>;
  /**
   * Records a copy as the dead letter's successor, unless it already has one.
   *
   * @returns the id of the successor: `messageId`, or the one recorded before
   */
  recordSuccessor(deadMessageId: string, messageId: string): Promise<string>;
}

/** Longer than the 14 days that a dead letter is kept: it cannot be redriven later. */
const KEPT_SECONDS = 15 * 24 * 60 * 60;

/** @param tableName the table that `CLAIMS_TABLE` names */
export function createRedrives(client: DynamoDBClient, tableName: string): Redrives {
  const keyOf = (deadMessageId: string) => ({ id: { S: itemId('redrive', deadMessageId) } });

  const successorOf = async (deadMessageId: string) => {
    const { Item } = await client.send(
      new GetItemCommand({ TableName: tableName, Key: keyOf(deadMessageId), ConsistentRead: true }),
    );
    return Item?.successor?.S;
  };

  return {
    successorOf,
    async recordSuccessor(deadMessageId, messageId) {
      const expiration = expirationAfter(KEPT_SECONDS, Date.now());
      const Item = { ...keyOf(deadMessageId), successor: { S: messageId }, expiration };
      const command = new PutItemCommand({
        TableName: tableName,
        Item,
        ConditionExpression: 'attribute_not_exists(id)',
      });
      const failure = await conditionFailure(client.send(command));
      return (failure && (await successorOf(deadMessageId))) ?? messageId;
    },
  };
}
