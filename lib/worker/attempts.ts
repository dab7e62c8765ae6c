import type { SQSRecord } from 'aws-lambda';
import type { Log } from '../handler.ts';
import type { Returns } from '../store/returns.ts';
import { rejectOnAbort, startDeadline } from '../util/deadline.ts';
import { attemptOf } from './processor.ts';
import { MAXIMUM_DELIVERIES, MAXIMUM_RETURNS } from './retry.ts';

/**
 * Counts the attempts at an event. SQS counts every delivery. An attempt is a delivery that the handler could have
 * completed: not one that returned the event to the queue because of a rate limit or a `Continue`.
 *
 * Therefore the queue's `maxReceiveCount` is larger than the number of attempts. The worker does not run an event whose
 * attempts are used up. It makes the message visible until SQS moves it to the dead-letter queue, which takes up to 20
 * short deliveries. If the worker sent a copy to the dead-letter queue and deleted the message, it would need a
 * permission, the copy would have another id, and an interruption would leave both. If it sent a copy to the events
 * queue to start counting anew, a FIFO queue would lose its order.
 */
export interface Attempts {
  /**
   * Subtracts the deliveries that returned their event. Sends a request only if the batch has messages that were
   * delivered before. If DynamoDB does not respond, such messages have at least one attempt left.
   *
   * @returns the messages with the number of the attempt as their receive count
   */
  count(records: readonly SQSRecord[]): Promise<CountedRecords>;
  /**
   * Records that a delivery returned a message, so that it does not count.
   *
   * @param returns how many deliveries have returned it before
   * @returns `false` if the delivery counts: after 20 of these, or if DynamoDB does not store it
   */
  recordReturn(messageId: string, returns: number | undefined): Promise<boolean>;
}

export interface CountedRecords {
  records: SQSRecord[];
  /** How many deliveries have returned a message, by its id. Missing if it could not be read. */
  returns: ReadonlyMap<string, number>;
}

const READ_WITHIN_MILLISECONDS = 3000;
/** Recording must not delay the report of the batch. */
const WRITE_WITHIN_MILLISECONDS = 500;

/** Limits the memory. A forgotten message is only read again. */
const MAXIMUM_USED_UP = 10_000;

export function createAttempts(returns: Returns, log: Log): Attempts {
  /** The returns of messages whose attempts are used up. They do not change any more, and are needed at each delivery. */
  const usedUp = new Map<string, number>();

  const remember = (messageId: string, count: number) => {
    if (usedUp.size >= MAXIMUM_USED_UP) usedUp.clear();
    usedUp.set(messageId, count);
  };

  const read = async (messageIds: readonly string[]) => {
    if (messageIds.length === 0) return new Map<string, number>();
    using deadline = startDeadline(READ_WITHIN_MILLISECONDS);
    try {
      return await rejectOnAbort(deadline.signal, returns.read(messageIds, deadline.signal));
    } catch (error) {
      log.warn('The number of attempts could not be read. The events have at least one left', { error });
      return undefined;
    }
  };

  return {
    async count(records) {
      const unknown = records.filter((record) => attemptOf(record) > 1 && !usedUp.has(record.messageId));
      const stored = await read(unknown.map(({ messageId }) => messageId));
      const counts = new Map<string, number>();
      const counted = records.map((record) => {
        const { messageId } = record;
        const receives = attemptOf(record);
        if (receives > 1 && stored === undefined && !usedUp.has(messageId)) {
          return withAttempt(record, Math.min(receives, MAXIMUM_DELIVERIES - 1));
        }
        const count = usedUp.get(messageId) ?? stored?.get(messageId) ?? 0;
        counts.set(messageId, count);
        const attempt = Math.max(receives - count, 1);
        if (attempt > MAXIMUM_DELIVERIES) remember(messageId, count);
        return withAttempt(record, attempt);
      });
      return { records: counted, returns: counts };
    },

    async recordReturn(messageId, before) {
      if (before === undefined || before >= MAXIMUM_RETURNS) return false;
      using deadline = startDeadline(WRITE_WITHIN_MILLISECONDS);
      try {
        await rejectOnAbort(deadline.signal, returns.write(messageId, before + 1, deadline.signal));
        return true;
      } catch (error) {
        log.warn('The return of the event could not be recorded. The delivery counts as failed', {
          message_id: messageId,
          error,
        });
        return false;
      }
    },
  };
}

function withAttempt(record: SQSRecord, attempt: number): SQSRecord {
  return { ...record, attributes: { ...record.attributes, ApproximateReceiveCount: `${attempt}` } };
}
