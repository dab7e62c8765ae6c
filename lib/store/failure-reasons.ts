import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { batchGet } from './batch-get.ts';
import { expirationAfter, itemId } from './table-items.ts';

/** Why a message is in the dead-letter queue. */
export interface FailureReason {
  /** The error's name and message, cut to one line of 500 characters. */
  reason: string;
  failedAt: Date;
}

/**
 * Stores why the last delivery of a message failed. SQS cannot add attributes to a message it has, so the reasons are
 * items in the worker's table.
 */
export interface FailureReasons {
  /**
   * @param signal aborts when the batch must be reported
   * @param failedAt default: now
   */
  write(messageId: string, reason: string, signal: AbortSignal, failedAt?: Date): Promise<void>;
  /**
   * @returns the failure reasons that exist, by message id
   * @throws the SDK's errors, and an `Error` if DynamoDB is throttled
   */
  read(messageIds: readonly string[]): Promise<Map<string, FailureReason>>;
}

/** The dead-letter queue keeps messages for as long. */
const KEPT_SECONDS = 14 * 24 * 60 * 60;
const MAXIMUM_REASON_CHARACTERS = 500;

/** @param tableName the table that `CLAIMS_TABLE` names */
export function createFailureReasons(client: DynamoDBClient, tableName: string): FailureReasons {
  return {
    async write(messageId, reason, signal, failedAt = new Date()) {
      const Item = {
        id: { S: itemId('failure', messageId) },
        reason: { S: toLine(reason) },
        failedAt: { S: failedAt.toISOString() },
        expiration: expirationAfter(KEPT_SECONDS, failedAt.getTime()),
      };
      await client.send(new PutItemCommand({ TableName: tableName, Item }), { abortSignal: signal });
    },

    async read(messageIds) {
      const reasons = new Map<string, FailureReason>();
      const messageIdByItem = new Map(messageIds.map((messageId) => [itemId('failure', messageId), messageId]));
      for (const { id, reason, failedAt } of await batchGet(client, tableName, [...messageIdByItem.keys()])) {
        const messageId = messageIdByItem.get(id?.S ?? '');
        if (messageId === undefined || !reason?.S || !failedAt?.S) continue;
        reasons.set(messageId, { reason: reason.S, failedAt: new Date(failedAt.S) });
      }
      return reasons;
    },
  };
}

function toLine(reason: string): string {
  return reason.replaceAll(/\s+/g, ' ').slice(0, MAXIMUM_REASON_CHARACTERS);
}
