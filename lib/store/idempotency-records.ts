import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { MAXIMUM_EVENT_AGE_SECONDS } from '../feishu/request.ts';
import { settleBefore } from '../util/deadline.ts';
import { batchGet } from './batch-get.ts';
import { measureServiceClock } from './service-clock.ts';

/**
 * The items that make an event take effect once. Each is in one of three states:
 *
 * - `INPROGRESS`: an owner holds the lease, which ends with the time the owner's invocation has left. A record that is
 *   still in this state after that belongs to a function that was killed.
 * - `FAILED`: the last run failed. The next delivery runs the event again.
 * - `COMPLETED`: the event has been processed. Kept for 72 hours.
 *
 * All methods throw the SDK's errors when DynamoDB rejects a request, and the signal's reason when it aborts first.
 */
export interface IdempotencyRecords {
  /**
   * Takes the lease of an event, unless another owner holds it or the event is completed.
   *
   * @returns the record that prevents it, if any
   */
  take(lease: Lease, signal: AbortSignal): Promise<IdempotencyRecord | undefined>;
  /** Completes an event: whichever owner holds the lease by now, the work is done. */
  complete(id: string, messageId: string, result: string, signal: AbortSignal): Promise<void>;
  /**
   * Records that a run failed, if its owner holds the lease or the event has no record.
   *
   * @throws {ConditionalCheckFailedException} otherwise
   */
  fail(id: string, owner: string, messageId: string, signal: AbortSignal): Promise<void>;
  /** @returns the records there are, by id */
  readMany(ids: readonly string[], signal: AbortSignal): Promise<Map<string, IdempotencyRecord>>;
}

export interface Lease {
  /** Of the event's record. */
  id: string;
  /** Names this delivery: what it does late must not touch the lease of another. */
  owner: string;
  messageId: string;
  /** How many deliveries ran the event in isolation, with this one; `undefined`: this one does not. */
  isolatedRuns: number | undefined;
  /** How long the owner may still run, as Lambda tells it. */
  remainingMilliseconds: () => number;
}

export interface IdempotencyRecord {
  /** `undefined`: the record was deleted while it was looked at. */
  status: 'INPROGRESS' | 'FAILED' | 'COMPLETED' | undefined;
  /** Of the delivery that wrote the status. */
  messageId: string | undefined;
  /** Of a completed event. */
  result: string | undefined;
  /** After which the lease has ended. */
  remainingMilliseconds: number;
  /** How many deliveries ran the event in isolation without completing it. */
  isolatedRuns: number;
}

/**
 * Lambda runs nothing for longer than 15 minutes. A lease that ends later was written by a worker that did not know the
 * service's time yet, and was killed before it corrected the lease.
 */
const LONGEST_LEASE_MILLISECONDS = 15 * 60 * 1000;
/** A lease may end this much too late. That only delays the delivery after a function was killed. */
const TOLERANCE_MILLISECONDS = 10_000;

const IS_OWN = '#status = :inProgress AND #owner = :owner';
/** The lease is the owner's already if DynamoDB stored a request whose response was lost, and the SDK repeats it. */
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
  const expiration = () => ({ N: `${Math.floor(clock.latest() / 1000) + MAXIMUM_EVENT_AGE_SECONDS}` });

  /** @returns the item that does not meet the command's condition, if that is so */
  const sendIf = async (command: PutItemCommand | UpdateItemCommand, id: string, signal: AbortSignal) => {
    try {
      await settleBefore(signal, dynamo.send(command as PutItemCommand, { abortSignal: signal }));
      return undefined;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return error.Item ?? (await read(id, signal));
    }
  };

  /** @returns an empty item if it was deleted meanwhile */
  const read = async (id: string, signal: AbortSignal): Promise<Item> => {
    const command = new GetItemCommand({ TableName: tableName, Key: { id: { S: id } }, ConsistentRead: true });
    return (await settleBefore(signal, dynamo.send(command, { abortSignal: signal }))).Item ?? {};
  };

  /**
   * @param over a lease to take over, provided that its owner has not changed it since
   * @returns the item that prevents it, if any
   */
  const put = async (lease: Lease, signal: AbortSignal, over?: Item): Promise<Item | undefined> => {
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
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    return (await sendIf(command, id, signal)) ?? correctEnd(lease, signal, end);
  };

  /**
   * Corrects a lease that was written before the service's time was known, if it ends at another time than it should.
   *
   * @returns the item that has taken the lease's place meanwhile, if there is one
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
    return sendIf(command, id, signal);
  };

  /** A lease too long for any function is over: if its owner lives, it corrects the lease before it runs the handler. */
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
      // Only now: before the first response, the service's time is not known.
      const other = first !== undefined && isOver(first) ? await put(lease, signal, first) : first;
      return other && toRecord(other);
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
      await settleBefore(signal, dynamo.send(command, { abortSignal: signal }));
    },

    async fail(id, owner, messageId, signal) {
      const command = new UpdateItemCommand({
        TableName: tableName,
        Key: { id: { S: id } },
        UpdateExpression: 'SET #status = :failed, message_id = :messageId, expiration = :expiration',
        // Not a completed record: completing it may have succeeded although its response was lost.
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
      await settleBefore(signal, dynamo.send(command, { abortSignal: signal }));
    },

    async readMany(ids, signal) {
      const items = await settleBefore(signal, batchGet(dynamo, tableName, ids, { signal }));
      // Stryker disable next-line OptionalChaining,StringLiteral: every item has an id
      return new Map(items.map((item) => [item.id?.S ?? '', toRecord(item)]));
    },
  };
}
