import { type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';

/**
 * Remembers which message took the place of a dead letter. A redrive sends a copy and then deletes the dead letter; when
 * it is interrupted between the two, the next one may send a second copy. The first copy that is recorded here counts,
 * whether the redrive or the worker records it, and the worker ignores any other.
 */
export interface Redrives {
  /** @returns the id of the message that took the dead letter's place, if one has */
  successorOf(deadMessageId: string): Promise<string | undefined>;
  /**
   * Records a copy as the dead letter's successor, unless it has one.
   *
   * @returns the id of its successor: `messageId`, or that of the copy before
   */
  settle(deadMessageId: string, messageId: string): Promise<string>;
}

/** Longer than the 14 days a dead letter is kept: no redrive of it can come later. */
const KEPT_SECONDS = 15 * 24 * 60 * 60;

/** @param tableName the claims table */
export function createRedrives(client: DynamoDBClient, tableName: string): Redrives {
  const keyOf = (deadMessageId: string) => ({ id: { S: `redrive#${deadMessageId}` } });

  const successorOf = async (deadMessageId: string) => {
    const { Item } = await client.send(
      new GetItemCommand({ TableName: tableName, Key: keyOf(deadMessageId), ConsistentRead: true }),
    );
    return Item?.successor?.S;
  };

  return {
    successorOf,
    async settle(deadMessageId, messageId) {
      const expiration = { N: `${Math.floor(Date.now() / 1000) + KEPT_SECONDS}` };
      const Item = { ...keyOf(deadMessageId), successor: { S: messageId }, expiration };
      const command = new PutItemCommand({
        TableName: tableName,
        Item,
        ConditionExpression: 'attribute_not_exists(id)',
      });
      try {
        await client.send(command);
        return messageId;
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'ConditionalCheckFailedException') throw error;
        return (await successorOf(deadMessageId)) ?? messageId;
      }
    },
  };
}
