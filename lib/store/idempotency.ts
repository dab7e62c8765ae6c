import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Context } from 'aws-lambda';
import { rejectOnAbort, startDeadline } from '../util/deadline.ts';
import { createIdempotencyRecords, type IdempotencyRecord } from './idempotency-records.ts';
import { itemId } from './table-items.ts';

/** Ensures that an event takes effect once, however often and over whichever transport it arrives. */
export interface IdempotencyStore {
  /**
   * Runs the work while holding the event's lease.
   *
   * @param key identifies the event
   * @param work its argument says whether the event may have been run before
   * @returns the result of the work, from now or from an earlier delivery of the same message; `duplicate` if another
   *   message with this key has been processed
   * @throws {LeaseHeld} if another worker holds the lease
   * @throws what the work throws, the SDK's errors, and the signal's reason if DynamoDB does not respond in time
   */
  once<Result extends string>(
    key: string,
    owner: LeaseOwner,
    work: (isRepeated: boolean) => Promise<Result>,
  ): Promise<Result | 'duplicate'>;
  /** Records that a delivery failed before it took the lease. Never throws. */
  recordFailure(key: string, messageId: string): Promise<void>;
  /**
   * Reads the last run of each event.
   *
   * @throws the SDK's errors, and the signal's reason if DynamoDB does not respond in time
   */
  lastRuns(keys: readonly string[], signal: AbortSignal): Promise<Map<string, LastRun>>;
}

/** One delivery of a queue message. */
export interface LeaseOwner {
  messageId: string;
  /** The last delivery waits for a held lease, because failing would dead-letter an event that is being handled. */
  isLastDelivery: boolean;
  /** How many deliveries ran the event in isolation, including this one. `undefined` if this one does not. */
  isolatedRuns?: number | undefined;
  /** The invocation, whose remaining time is the duration of the lease. */
  context: Context;
  /** Aborts when only the time to report the batch is left. */
  signal: AbortSignal;
}

/** The last run of an event, according to its idempotency record. */
export interface LastRun {
  /** `missing`: no record exists. `unfinished`: the event is being run, or the function ended while it ran. */
  state: 'missing' | 'unfinished' | 'finished';
  /** How many deliveries ran the event in isolation without completing it. */
  isolatedRuns: number;
}

/** Another worker holds the lease, or held it when it was killed. */
export class LeaseHeld extends Error {
  override readonly name = 'LeaseHeld';
  /** Whole seconds until the lease expires. */
  readonly seconds: number;

  constructor(milliseconds: number) {
    super('Another worker is processing the event, or was killed while processing it');
    this.seconds = Math.max(1, Math.ceil(milliseconds / 1000));
  }
}

/** Returns the `id` of an event's idempotency record. */
export function recordIdOf(key: string): string {
  return itemId('event', createHash('sha256').update(JSON.stringify(key)).digest('base64'));
}

/** Recording a failure must not delay the report of the batch. */
const RECORD_FAILURE_WITHIN_MILLISECONDS = 500;
/** Reserved for the report of the batch, because the handler may have used up its own time. */
const REPORT_MILLISECONDS = 1500;
const POLL_MILLISECONDS = 500;

/** @param tableName a DynamoDB table whose partition key is the string `id`, and whose time to live is `expiration` */
export function createIdempotencyStore(dynamo: DynamoDBClient, tableName: string): IdempotencyStore {
  const records = createIdempotencyRecords(dynamo, tableName);

  /** Waits until this delivery holds the lease, or the event is completed: then `completed` is its record. */
  const takeLease = async (id: string, ownerId: string, owner: LeaseOwner) => {
    const { messageId, isolatedRuns, isLastDelivery, context, signal } = owner;
    const remainingMilliseconds = () => context.getRemainingTimeInMillis();
    for (;;) {
      const lease = { id, owner: ownerId, messageId, isolatedRuns, remainingMilliseconds };
      const { other, isRepeated } = await records.take(lease, signal);
      if (other === undefined || other.status === 'COMPLETED') return { completed: other, isRepeated };
      if (!isLastDelivery) throw new LeaseHeld(other.remainingMilliseconds);
      await rejectOnAbort(signal, sleep(POLL_MILLISECONDS));
    }
  };

  const complete = async (id: string, { messageId, context }: LeaseOwner, result: string) => {
    using deadline = startDeadline(context.getRemainingTimeInMillis() - REPORT_MILLISECONDS);
    await records.complete(id, messageId, result, deadline.signal);
  };

  const fail = async (id: string, ownerId: string, messageId: string) => {
    using deadline = startDeadline(RECORD_FAILURE_WITHIN_MILLISECONDS);
    // Ignored, so that the error of the work is thrown. An unrecorded lease expires.
    await records.fail(id, ownerId, messageId, deadline.signal).catch(() => {});
  };

  return {
    async once(key, owner, work) {
      const id = recordIdOf(key);
      const ownerId = randomUUID();
      const { messageId } = owner;
      try {
        const { completed, isRepeated } = await takeLease(id, ownerId, owner);
        if (completed !== undefined) {
          return completed.messageId === messageId ? (completed.result as never) : 'duplicate';
        }
        const result = await work(isRepeated);
        await complete(id, owner, result);
        return result;
      } catch (error) {
        // Also if taking the lease failed: DynamoDB may have stored it although the responses were lost.
        if (!(error instanceof LeaseHeld)) await fail(id, ownerId, messageId);
        throw error;
      }
    },

    recordFailure: (key, messageId) => fail(recordIdOf(key), randomUUID(), messageId),

    async lastRuns(keys, signal) {
      const recordsById = await records.readMany([...new Set(keys.map(recordIdOf))], signal);
      return new Map(keys.map((key) => [key, lastRunOf(recordsById.get(recordIdOf(key)))]));
    },
  };
}

function lastRunOf(record: IdempotencyRecord | undefined): LastRun {
  if (record === undefined) return { state: 'missing', isolatedRuns: 0 };
  return { state: record.status === 'INPROGRESS' ? 'unfinished' : 'finished', isolatedRuns: record.isolatedRuns };
}
