import { randomUUID } from 'node:crypto';
import { type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { rejectOnAbort } from '../util/deadline.ts';
import { conditionFailure, expirationAfter, itemId } from './table-items.ts';

/**
 * The times of an app's calls, which all workers share: one item per app and tenant. All methods throw the SDK's errors,
 * and the signal's reason if it aborts first.
 */
export interface CallSchedules {
  /** Reads a schedule. */
  read(name: string, signal: AbortSignal): Promise<StoredSchedule>;
  /**
   * Replaces a schedule.
   *
   * @param previous what {@link CallSchedules.read} returned
   * @param text the new JSON text
   * @returns `false` if another worker has replaced it since
   */
  replace(name: string, previous: StoredSchedule, text: string, signal: AbortSignal): Promise<boolean>;
}

export interface StoredSchedule {
  /** JSON. `undefined` if there is none. */
  text: string | undefined;
  version: string | undefined;
}

/** Longer than any call waits. */
const KEPT_SECONDS = 24 * 60 * 60;

/** @param tableName the table that `CLAIMS_TABLE` names */
export function createCallSchedules(client: DynamoDBClient, tableName: string): CallSchedules {
  const keyOf = (name: string) => ({ id: { S: itemId('call-schedule', name) } });
  return {
    async read(name, signal) {
      const command = new GetItemCommand({ TableName: tableName, Key: keyOf(name), ConsistentRead: true });
      const { Item } = await rejectOnAbort(signal, client.send(command, { abortSignal: signal }));
      return { text: Item?.schedule?.S, version: Item?.version?.S };
    },

    async replace(name, { version }, text, signal) {
      const command = new PutItemCommand({
        TableName: tableName,
        Item: {
          ...keyOf(name),
          schedule: { S: text },
          version: { S: randomUUID() },
          expiration: expirationAfter(KEPT_SECONDS, Date.now()),
        },
        ...(version === undefined
          ? { ConditionExpression: 'attribute_not_exists(id)' }
          : {
              ConditionExpression: '#version = :version',
              ExpressionAttributeNames: { '#version': 'version' },
              ExpressionAttributeValues: { ':version': { S: version } },
            }),
      });
      const sent = client.send(command, { abortSignal: signal });
      return (await conditionFailure(rejectOnAbort(signal, sent))) === undefined;
    },
  };
}
