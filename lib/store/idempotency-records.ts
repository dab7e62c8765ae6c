import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { MAXIMUM_EVENT_AGE_SECONDS } from '../feishu/request.ts';
import { rejectOnAbort } from '../util/deadline.ts';
import { batchGet } from './batch-get.ts';
import { measureServiceClock } from './service-clock.ts';
import { conditionFailure, expirationAfter } from './table-items.ts';

/**
 * The idempotency records. Each is in one of three states:
 *
 * - `INPROGRESS`: an owner holds the lease, which expires when the owner's invocation times out. After that, the
 *   function that held it was killed.
 * - `FAILED`: the last run failed. The next delivery runs the event again.
 * - `COMPLETED`: the event has been processed. The record is kept for 72 hours.
 *
 * All methods throw the SDK's errors if DynamoDB rejects a request, and the signal's reason if it aborts first.
 */
export interface IdempotencyRecords {
  /** Takes the lease of an event, unless another owner holds it or the event is completed. */
  take(lease: Lease, signal: AbortSignal): Promise<TakeResult>;
  /** Completes an event, even if another owner has taken over the lease: the work is done. */
  complete(id: string, messageId: string, result: string, signal: AbortSignal): Promise<void>;
  /**
   * Records that a run failed.
   *
   * @throws {ConditionalCheckFailedException} if a record exists and this owner does not hold its lease
   */
  fail(id: string, owner: string, messageId: string, signal: AbortSignal): Promise<void>;
  /** Returns the records that exist, by id. */
  readMany(ids: readonly string[], signal: AbortSignal): Promise<Map<string, IdempotencyRecord>>;
}

export interface Lease {
  /** The id of the event's record. */
  id: string;
  /** A unique id of this delivery, so that a late request cannot change another delivery's lease. */
  owner: string;
  messageId: string;
  /** How many deliveries ran the event in isolation, including this one. `undefined` if this one does not. */
  isolatedRuns: number | undefined;
  /** The remaining time of the owner's invocation. */
  remainingMilliseconds: () => number;
}

export interface TakeResult {
  /** The existing record if the lease was not taken. */
  other: IdempotencyRecord | undefined;
  /** Whether the event may have been run before: it had a record. */
  isRepeated: boolean;
}

export interface IdempotencyRecord {
  /** `undefined` if the record was deleted before it could be read. */
  status: 'INPROGRESS' | 'FAILED' | 'COMPLETED' | undefined;
  /** The message whose delivery wrote the status. */
  messageId: string | undefined;
  /** The outcome of a completed event. */
  result: string | undefined;
  /** Until the lease expires. */
  remainingMilliseconds: number;
  /** How many deliveries ran the event in isolation without completing it. */
  isolatedRuns: number;
}

/**
 * Lambda's maximum timeout. A longer lease was written by a worker that had not measured the service's time yet, and
 * was killed before it corrected the lease.
 */
const LONGEST_LEASE_MILLISECONDS = 15 * 60 * 1000;
/** A lease may expire this much too late, which only delays the next delivery after a function was killed. */
const TOLERANCE_MILLISECONDS = 10_000;

const IS_OWN = '#status = :inProgress AND #owner = :owner';
/** The owner already holds the lease if the SDK retries a request that DynamoDB stored and whose response was lost. */
const IS_FREE = `attribute_not_exists(id) OR expiration < :now OR #status = :failed OR (${IS_OWN})`;
const IS_UNCHANGED = '#status = :inProgress AND #owner = :otherOwner AND in_progress_expiration = :otherEnd';
const NAMES = { '#status': 'status', '#owner': 'claimant' };
const IN_PROGRESS = { S: 'INPROGRESS' };
const FAILED = { S: 'FAILED' };
const COMPLETED = { S: 'COMPLETED' };

type Item = Record<string, AttributeValue>;

/** @param tableName a DynamoDB table whose partition key is the string `id`, and whose time to live is `expiration` */
export function createIdempotencyRecords(dynamo: DynamoDBClient, tableName: string): IdempotencyRecords {
  const clock = measureServiceClock(dynamo);
  const expiration = () => expirationAfter(MAXIMUM_EVENT_AGE_SECONDS, clock.latest());

  /** Awaits a conditional write. Returns the existing item if it does not meet the condition. */
  const existingItem = async (sent: Promise<unknown>, id: string, signal: AbortSignal) => {
    const failure = await conditionFailure(rejectOnAbort(signal, sent));
    return failure && (failure.Item ?? (await read(id, signal)));
  };

  /** Returns an empty item if it has been deleted. */
  const read = async (id: string, signal: AbortSignal): Promise<Item> => {
    const command = new GetItemCommand({ TableName: tableName, Key: { id: { S: id } }, ConsistentRead: true });
    return (await rejectOnAbort(signal, dynamo.send(command, { abortSignal: signal }))).Item ?? {};
  };

  /**
   * Writes the lease.
   *
   * @param over an expired lease to take over, if its owner has not changed it since
   * @returns the existing item if the lease was not taken
   */
  const put = async (lease: Lease, signal: AbortSignal, over?: Item) => {
    const { id, owner, messageId, isolatedRuns, remainingMilliseconds } = lease;
    const end = Math.ceil(clock.latest() + remainingMilliseconds());
    const command = new PutItemCommand({
      TableName: tableName,
      Item: {
        id: { S: id },
        status: IN_PROGRESS,
        claimant: { S: owner },
        message_id: { S: messageId },
        in_progress_expiration: { N: `${end}` },
        expiration: expiration(),
        ...(isolatedRuns !== undefined && { isolated_runs: { N: `${isolatedRuns}` } }),
      },
      ConditionExpression: over === undefined ? IS_FREE : `${IS_FREE} OR (${IS_UNCHANGED})`,
      ExpressionAttributeNames: NAMES,
      ExpressionAttributeValues: {
        ':inProgress': IN_PROGRESS,
        ':failed': FAILED,
        ':now': { N: `${Math.floor(clock.earliest() / 1000)}` },
        ':owner': { S: owner },
        ...(over?.claimant && { ':otherOwner': over.claimant }),
        ...(over?.in_progress_expiration && { ':otherEnd': over.in_progress_expiration }),
      },
      ReturnValues: 'ALL_OLD',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    let isRepeated = true;
    const sent = dynamo.send(command, { abortSignal: signal }).then(({ Attributes }) => {
      isRepeated = Attributes !== undefined;
    });
    const other = (await existingItem(sent, id, signal)) ?? (await correctEnd(lease, signal, end));
    return { other, isRepeated };
  };

  /**
   * Corrects the expiry of a lease that was written before the service's time was measured.
   *
   * @returns the existing item if another owner has taken over the lease
   */
  const correctEnd = async ({ id, owner, remainingMilliseconds }: Lease, signal: AbortSignal, end: number) => {
    const remaining = remainingMilliseconds();
    const isTooEarly = end < clock.earliest() + remaining;
    const isTooLate = end > clock.latest() + remaining + TOLERANCE_MILLISECONDS;
    if (!isTooEarly && !isTooLate) return undefined;
    const command = new UpdateItemCommand({
      TableName: tableName,
      Key: { id: { S: id } },
      UpdateExpression: 'SET in_progress_expiration = :end, expiration = :expiration',
      ConditionExpression: IS_OWN,
      ExpressionAttributeNames: NAMES,
      ExpressionAttributeValues: {
        ':inProgress': IN_PROGRESS,
        ':owner': { S: owner },
        ':end': { N: `${Math.ceil(clock.latest() + remaining)}` },
        ':expiration': expiration(),
      },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    return existingItem(dynamo.send(command, { abortSignal: signal }), id, signal);
  };

  /** A lease longer than any invocation counts as expired: a living owner corrects it before it runs the handler. */
  const isOver = ({ status, in_progress_expiration }: Item): boolean => {
    const end = Number(in_progress_expiration?.N);
    const isTooLong = end > clock.latest() + LONGEST_LEASE_MILLISECONDS + TOLERANCE_MILLISECONDS;
    return status?.S === IN_PROGRESS.S && (end < clock.earliest() || isTooLong);
  };

  const toRecord = (item: Item): IdempotencyRecord => ({
    status: item.status?.S as IdempotencyRecord['status'],
    messageId: item.message_id?.S,
    result: item.result?.S,
    remainingMilliseconds: Number(item.in_progress_expiration?.N ?? 0) - clock.earliest(),
    isolatedRuns: Number(item.isolated_runs?.N ?? 0),
  });

  return {
    async take(lease, signal) {
      const first = await put(lease, signal);
      // Checked after the first response, which measures the service's time.
      const isFree = first.other !== undefined && isOver(first.other);
      const { other, isRepeated } = isFree ? await put(lease, signal, first.other) : first;
      return { other: other && toRecord(other), isRepeated };
    },

    async complete(id, messageId, result, signal) {
      const command = new UpdateItemCommand({
        TableName: tableName,
        Key: { id: { S: id } },
        UpdateExpression:
          'SET #status = :completed, message_id = :messageId, #result = :result, expiration = :expiration',
        ExpressionAttributeNames: { '#status': 'status', '#result': 'result' },
        ExpressionAttributeValues: {
          ':completed': COMPLETED,
          ':messageId': { S: messageId },
          ':result': { S: result },
          ':expiration': expiration(),
        },
      });
      await rejectOnAbort(signal, dynamo.send(command, { abortSignal: signal }));
    },

    async fail(id, owner, messageId, signal) {
      const command = new UpdateItemCommand({
        TableName: tableName,
        Key: { id: { S: id } },
        UpdateExpression: 'SET #status = :failed, message_id = :messageId, expiration = :expiration',
        // Never overwrites a completed record: completing may have succeeded although its response was lost.
        ConditionExpression: `attribute_not_exists(id) OR (${IS_OWN})`,
        ExpressionAttributeNames: NAMES,
        ExpressionAttributeValues: {
          ':failed': FAILED,
          ':inProgress': IN_PROGRESS,
          ':owner': { S: owner },
          ':messageId': { S: messageId },
          ':expiration': expiration(),
        },
      });
      await rejectOnAbort(signal, dynamo.send(command, { abortSignal: signal }));
    },

    async readMany(ids, signal) {
      const items = await rejectOnAbort(signal, batchGet(dynamo, tableName, ids, { signal }));
      // Stryker disable next-line OptionalChaining,StringLiteral: every item has an id
      return new Map(items.map((item) => [item.id?.S ?? '', toRecord(item)]));
    },
  };
}
