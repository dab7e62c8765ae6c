import { randomUUID } from 'node:crypto';
import { type AttributeValue, type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
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
   * @returns the schedule of another worker that has replaced it since, otherwise `undefined`
   */
  replace(
    name: string,
    previous: StoredSchedule,
    text: string,
    signal: AbortSignal,
  ): Promise<StoredSchedule | undefined>;
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
  const toSchedule = (item: Record<string, AttributeValue> = {}): StoredSchedule => ({
    text: item.schedule?.S,
    version: item.version?.S,
  });
  const read = async (name: string, signal: AbortSignal) => {
    const command = new GetItemCommand({ TableName: tableName, Key: keyOf(name), ConsistentRead: true });
    return toSchedule((await rejectOnAbort(signal, client.send(command, { abortSignal: signal }))).Item);
  };

  return {
    read,

    async replace(name, { version }, text, signal) {
      const command = new PutItemCommand({
        TableName: tableName,
        Item: {
          ...keyOf(name),
          schedule: { S: text },
          version: { S: randomUUID() },
          expiration: expirationAfter(KEPT_SECONDS, Date.now()),
        },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        ...(version === undefined
          ? { ConditionExpression: 'attribute_not_exists(id)' }
          : {
              ConditionExpression: '#version = :version',
              ExpressionAttributeNames: { '#version': 'version' },
              ExpressionAttributeValues: { ':version': { S: version } },
            }),
      });
      const sent = client.send(command, { abortSignal: signal });
      const failure = await conditionFailure(rejectOnAbort(signal, sent));
      return failure && (failure.Item === undefined ? read(name, signal) : toSchedule(failure.Item));
    },
  };
}
