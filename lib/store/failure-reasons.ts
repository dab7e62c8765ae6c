import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { batchGet } from './batch-get.ts';

/** Why an event is in the dead-letter queue. */
export interface FailureReason {
  /** The error's name and message, cut to one line of 500 characters. */
  reason: string;
  failedAt: Date;
}

/**
 * Keeps the reason of a message's last failure. SQS cannot add it to the message, so it is an item beside the claims,
 * which the worker may write to.
 */
export interface FailureReasons {
  /** @param signal aborts when the batch can wait no longer */
  write(messageId: string, reason: string, signal: AbortSignal): Promise<void>;
  /**
   * @returns the notes there are, by message id
   * @throws the SDK's errors, and an `Error` if DynamoDB is throttled
   */
  read(messageIds: readonly string[]): Promise<Map<string, FailureReason>>;
}

/** As long as the dead-letter queue keeps the message. */
const KEPT_SECONDS = 14 * 24 * 60 * 60;
const MAXIMUM_REASON_CHARACTERS = 500;

/** @param tableName the claims table */
export function createFailureReasons(client: DynamoDBClient, tableName: string): FailureReasons {
  return {
    async write(messageId, reason, signal) {
      const now = Date.now();
      const Item = {
        id: { S: noteId(messageId) },
        reason: { S: toLine(reason) },
        failedAt: { S: new Date(now).toISOString() },
        expiration: { N: `${Math.floor(now / 1000) + KEPT_SECONDS}` },
      };
      await client.send(new PutItemCommand({ TableName: tableName, Item }), { abortSignal: signal });
    },

    async read(messageIds) {
      const notes = new Map<string, FailureReason>();
      const ids = [...new Set(messageIds)].map(noteId);
      for (const { id, reason, failedAt } of await batchGet(client, tableName, ids)) {
        if (!id?.S || !reason?.S || !failedAt?.S) continue;
        notes.set(id.S.slice(NOTE_PREFIX.length), { reason: reason.S, failedAt: new Date(failedAt.S) });
      }
      return notes;
    },
  };
}

const NOTE_PREFIX = 'failure#';

function noteId(messageId: string): string {
  return `${NOTE_PREFIX}${messageId}`;
}

function toLine(reason: string): string {
  return reason.replaceAll(/\s+/g, ' ').slice(0, MAXIMUM_REASON_CHARACTERS);
}
