import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Context } from 'aws-lambda';
import { settleBefore, startDeadline } from '../util/deadline.ts';
import { createIdempotencyRecords, type IdempotencyRecord } from './idempotency-records.ts';

/** Ensures that an event takes effect once, however often and over whichever transport it is delivered. */
export interface IdempotencyStore {
  /**
   * Does the work while holding the event's lease.
   *
   * @param key names the event
   * @returns what the work returned, now or when this same message came before; `duplicate` when another message with
   *   this key has been processed
   * @throws what the work throws; {@link LeaseHeld} when another worker holds the lease; the SDK's errors when DynamoDB
   *   rejects a request, and the signal's reason when it does not respond in time
   */
  once<Result extends string>(
    key: string,
    claimant: LeaseOwner,
    work: () => Promise<Result>,
  ): Promise<Result | 'duplicate'>;
  /** Records that a delivery failed before it took the lease. Never rejects. */
  recordFailure(key: string, messageId: string): Promise<void>;
  /**
   * Reads what the last run of each event left.
   *
   * @throws the SDK's errors, and the signal's reason when DynamoDB does not respond in time
   */
  lastRuns(keys: readonly string[], signal: AbortSignal): Promise<Map<string, LastRun>>;
}

/** One delivery of a queue message. */
export interface LeaseOwner {
  messageId: string;
  /** Instead of failing, the last delivery waits for a lease to end: it would be a dead letter of a handled event. */
  isLastDelivery: boolean;
  /** How many deliveries ran the event in isolation, with this one; `undefined`: this one does not. */
  isolatedRuns?: number | undefined;
  /** Of the invocation: its remaining time is the length of the lease. */
  context: Context;
  /** Aborts when only the time to report what was done is left. */
  signal: AbortSignal;
}

/** What the last run of an event left in its idempotency record. */
export interface LastRun {
  /** `missing`: there is no record. `unfinished`: it runs now, or ended with the function that ran it. */
  state: 'missing' | 'unfinished' | 'finished';
  /** How many deliveries ran the event in isolation without completing it. */
  isolatedRuns: number;
}

/** Another worker, or one that was killed, holds the lease. */
export class LeaseHeld extends Error {
  override readonly name = 'LeaseHeld';
  /** After which it has ended: whole seconds. */
  readonly seconds: number;

  constructor(milliseconds: number) {
    super('Another worker is processing the event, or was killed while it did');
    this.seconds = Math.max(1, Math.ceil(milliseconds / 1000));
  }
}

const KEY_PREFIX = 'event';

/** The `id` of an event's item in the claims table, for who looks for it there. */
export function recordIdOf(key: string): string {
  return `${KEY_PREFIX}#${createHash('sha256').update(JSON.stringify(key)).digest('base64')}`;
}

/** Recording a failure must not keep a batch from being reported. */
const RECORD_FAILURE_WITHIN_MILLISECONDS = 500;
/** Completing may begin when the handler's time is up; what then is left of the invocation is for the report. */
const REPORT_MILLISECONDS = 1500;
const POLL_MILLISECONDS = 500;

/** @param tableName a DynamoDB table whose partition key is the string `id`, and whose time to live is `expiration` */
export function createIdempotencyStore(dynamo: DynamoDBClient, tableName: string): IdempotencyStore {
  const records = createIdempotencyRecords(dynamo, tableName);

  /** @returns the record of an event that is completed, or `undefined` once this delivery holds the lease */
  const takeLease = async (id: string, owner: string, claimant: LeaseOwner) => {
    const { messageId, isolatedRuns, isLastDelivery, context, signal } = claimant;
    const remainingMilliseconds = () => context.getRemainingTimeInMillis();
    for (;;) {
      const other = await records.take({ id, owner, messageId, isolatedRuns, remainingMilliseconds }, signal);
      if (other === undefined || other.status === 'COMPLETED') return other;
      if (!isLastDelivery) throw new LeaseHeld(other.remainingMilliseconds);
      await settleBefore(signal, sleep(POLL_MILLISECONDS));
    }
  };

  const complete = async (id: string, { messageId, context }: LeaseOwner, result: string) => {
    using deadline = startDeadline(context.getRemainingTimeInMillis() - REPORT_MILLISECONDS);
    await records.complete(id, messageId, result, deadline.signal);
  };

  const fail = async (id: string, owner: string, messageId: string) => {
    using deadline = startDeadline(RECORD_FAILURE_WITHIN_MILLISECONDS);
    // If it cannot be recorded, the lease ends by itself; why the work failed matters more.
    await records.fail(id, owner, messageId, deadline.signal).catch(() => {});
  };

  return {
    async once(key, claimant, work) {
      const id = recordIdOf(key);
      const owner = randomUUID();
      const { messageId } = claimant;
      try {
        const completed = await takeLease(id, owner, claimant);
        if (completed !== undefined) {
          return completed.messageId === messageId ? (completed.result as never) : 'duplicate';
        }
        const result = await work();
        await complete(id, claimant, result);
        return result;
      } catch (error) {
        // Also if the lease could not be taken: DynamoDB may have stored it, and only the responses were lost.
        if (!(error instanceof LeaseHeld)) await fail(id, owner, messageId);
        throw error;
      }
    },

    recordFailure: (key, messageId) => fail(recordIdOf(key), randomUUID(), messageId),

    async lastRuns(keys, signal) {
      const found = await records.readMany([...new Set(keys.map(recordIdOf))], signal);
      return new Map(keys.map((key) => [key, lastRunOf(found.get(recordIdOf(key)))]));
    },
  };
}

function lastRunOf(record: IdempotencyRecord | undefined): LastRun {
  if (record === undefined) return { state: 'missing', isolatedRuns: 0 };
  return { state: record.status === 'INPROGRESS' ? 'unfinished' : 'finished', isolatedRuns: record.isolatedRuns };
}
