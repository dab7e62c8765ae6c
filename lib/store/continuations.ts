import { type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { rejectOnAbort } from '../util/deadline.ts';
import { recordIdOf } from './idempotency.ts';
import { expirationAfter, itemId } from './table-items.ts';

/** What an event continues with. */
export interface Continuation {
  /** JSON */
  stateJson: string;
  /** How often the event has continued. */
  count: number;
}

/**
 * Stores the state of events that continue in another invocation. The items are separate from the idempotency records,
 * which are written several times per delivery and must stay small. They belong to the event, not to its message: a
 * redriven dead letter continues, too.
 *
 * All methods throw the SDK's errors, and the signal's reason if it aborts first.
 */
export interface Continuations {
  /** @param key identifies the event */
  read(key: string, signal: AbortSignal): Promise<Continuation | undefined>;
  /** Stores a state, and replaces an earlier one. */
  write(key: string, continuation: Continuation, signal: AbortSignal): Promise<void>;
  /** Erases the state of a completed event. */
  erase(key: string, signal: AbortSignal): Promise<void>;
}

/** Longer than the queue and the dead-letter queue together keep a message. */
const KEPT_SECONDS = 30 * 24 * 60 * 60;

/** @param tableName the table that `CLAIMS_TABLE` names */
export function createContinuations(client: DynamoDBClient, tableName: string): Continuations {
  const keyOf = (key: string) => ({ id: { S: itemId('continuation', recordIdOf(key)) } });
  const put = async (Item: PutItemCommand['input']['Item'], signal: AbortSignal) => {
    const sent = client.send(new PutItemCommand({ TableName: tableName, Item }), { abortSignal: signal });
    await rejectOnAbort(signal, sent);
  };

  return {
    async read(key, signal) {
      const command = new GetItemCommand({ TableName: tableName, Key: keyOf(key), ConsistentRead: true });
      const { Item } = await rejectOnAbort(signal, client.send(command, { abortSignal: signal }));
      if (Item?.state?.S === undefined) return undefined;
      return { stateJson: Item.state.S, count: Number(Item.count?.N) };
    },

    write: (key, { stateJson, count }, signal) =>
      put(
        {
          ...keyOf(key),
          state: { S: stateJson },
          count: { N: `${count}` },
          expiration: expirationAfter(KEPT_SECONDS, Date.now()),
        },
        signal,
      ),

    // The worker has no permission to delete items.
    erase: (key, signal) => put({ ...keyOf(key), expiration: expirationAfter(0, Date.now()) }, signal),
  };
}
