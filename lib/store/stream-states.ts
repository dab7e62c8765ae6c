import { createHash } from 'node:crypto';
import { type DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { StreamedReply } from '../reply-streams.ts';
import { rejectOnAbort } from '../util/deadline.ts';
import { conditionFailure, expirationAfter, itemId } from './table-items.ts';

/** Stores what the streamed replies of an event have sent, so that the next delivery continues them. */
export interface StreamStates {
  /**
   * Counts a run of the handler.
   *
   * @param key identifies the event
   * @throws the SDK's errors, and the signal's reason if it aborts first
   */
  begin(key: string, signal: AbortSignal): Promise<StoredStreams>;
  /** @throws {Error} if a later run has begun, the SDK's errors, and the signal's reason if it aborts first */
  write(key: string, streams: StoredStreams, signal: AbortSignal): Promise<void>;
  /** @returns an empty object if no handler of the event has streamed */
  read(key: string, signal: AbortSignal): Promise<Record<string, StreamedReply>>;
}

export interface StoredStreams {
  /** The number of the run, which rises with each run of the event. */
  run: number;
  /** When the cards expire, in seconds since the epoch. */
  expiration: number;
  replies: Record<string, StreamedReply>;
}

/** The platform keeps a card for 14 days. A later attempt sends new ones. */
const KEPT_SECONDS = 13 * 24 * 60 * 60;

/** @param tableName the table that `CLAIMS_TABLE` names */
export function createStreamStates(client: DynamoDBClient, tableName: string): StreamStates {
  const table = (key: string) => ({ TableName: tableName, Key: { id: { S: idOf(key) } } });

  return {
    async begin(key, signal) {
      const now = Date.now();
      const command = new UpdateItemCommand({
        ...table(key),
        UpdateExpression: 'ADD run :one SET expiration = if_not_exists(expiration, :expiration)',
        ExpressionAttributeValues: { ':one': { N: '1' }, ':expiration': expirationAfter(KEPT_SECONDS, now) },
        ReturnValues: 'ALL_NEW',
      });
      const sent = client.send(command, { abortSignal: signal });
      const { Attributes: item = {} } = await rejectOnAbort(signal, sent);
      const run = Number(item.run?.N);
      const expiration = Number(item.expiration?.N);
      // DynamoDB may delete an expired item days later.
      if (expiration * 1000 < now) return { run, expiration: Math.floor(now / 1000) + KEPT_SECONDS, replies: {} };
      return { run, expiration, replies: JSON.parse(item.replies?.S ?? '{}') };
    },

    async write(key, { run, expiration, replies }, signal) {
      const command = new UpdateItemCommand({
        ...table(key),
        UpdateExpression: 'SET replies = :replies, expiration = :expiration',
        ConditionExpression: 'run = :run',
        ExpressionAttributeValues: {
          ':run': { N: `${run}` },
          ':replies': { S: JSON.stringify(replies) },
          ':expiration': { N: `${expiration}` },
        },
      });
      const failure = await conditionFailure(rejectOnAbort(signal, client.send(command, { abortSignal: signal })));
      if (failure !== undefined) throw new Error('A later delivery continues the streamed replies', { cause: failure });
    },

    async read(key, signal) {
      const command = new GetItemCommand({ ...table(key), ConsistentRead: true });
      const { Item: item } = await rejectOnAbort(signal, client.send(command, { abortSignal: signal }));
      return JSON.parse(item?.replies?.S ?? '{}');
    },
  };
}

function idOf(key: string): string {
  return itemId('streams', createHash('sha256').update(JSON.stringify(key)).digest('base64'));
}
