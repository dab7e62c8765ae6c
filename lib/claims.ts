import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { Context } from 'aws-lambda';
import { settleBefore, startDeadline } from './deadline.ts';
import { MAXIMUM_EVENT_AGE_SECONDS } from './feishu/request.ts';

/** Keeps the effects of an event to one time, however often it is delivered and over whichever way. */
export interface Claims {
  /**
   * Does the work under a claim. When the work throws, the claim is given back; when the function is killed, it ends
   * with the time the invocation had left. Once the work is done, the claim is kept for 72 hours.
   *
   * @param key names the event
   * @returns what the work returned, now or when this same message came before; `duplicate` when another message with
   *   this key has been worked on
   * @throws what the work throws; {@link ClaimHeld} when another worker holds the claim; the SDK's errors when DynamoDB
   *   refuses, and the signal's reason when it does not answer in time
   */
  once<Result extends string>(
    key: string,
    claimant: Claimant,
    work: () => Promise<Result>,
  ): Promise<Result | 'duplicate'>;
}

/** One delivery of a queue message. */
export interface Claimant {
  messageId: string;
  /** Instead of failing, the last delivery waits for a claim to end: it would be a dead letter of a handled event. */
  isLastDelivery: boolean;
  /** Of the invocation: its remaining time bounds the claim. */
  context: Context;
  /** Aborts when only the time to report what was done is left. */
  signal: AbortSignal;
}

/** Another worker, or one that was killed, holds the claim. */
export class ClaimHeld extends Error {
  override readonly name = 'ClaimHeld';
  /** After which it has ended: whole seconds. */
  readonly seconds: number;

  constructor(milliseconds: number) {
    super('Another worker has the event under way, or was killed while it had');
    this.seconds = Math.max(1, Math.ceil(milliseconds / 1000));
  }
}

const KEY_PREFIX = 'event';

/** The `id` of an event's item in the claims table, for who looks for it there. */
export function claimIdOf(key: string): string {
  return `${KEY_PREFIX}#${createHash('sha256').update(JSON.stringify(key)).digest('base64')}`;
}

/** Lambda runs nothing for longer than 15 minutes: a claim that ends later was made by a clock that is wrong. */
const LONGEST_CLAIM_MILLISECONDS = 15 * 60 * 1000;
/** Giving a claim back must not keep a batch from being reported. */
const RELEASE_WITHIN_MILLISECONDS = 500;
/** Completing it may begin when the handler's time is up; what then is left of the invocation is for the report. */
const REPORT_MILLISECONDS = 1500;
const POLL_MILLISECONDS = 500;

/** `claimant` tells the deliveries apart: what one of them does late must not touch the claim of another. */
const TAKE_CONDITION =
  'attribute_not_exists(id) OR expiration < :seconds OR (#status = :inProgress AND ' +
  '(in_progress_expiration < :now OR in_progress_expiration > :latest OR claimant = :claimant))';
const STATUS = { '#status': 'status' };
const IN_PROGRESS = { S: 'INPROGRESS' };
const COMPLETED = { S: 'COMPLETED' };

type Item = Record<string, AttributeValue>;

/** @param tableName a DynamoDB table whose partition key is the string `id`, and whose time to live is `expiration` */
export function createClaims(dynamo: DynamoDBClient, tableName: string): Claims {
  /** @returns the claim that is in the way, if there is one */
  const take = async (id: Item[string], claimant: string, { messageId, context, signal }: Claimant) => {
    const now = Date.now();
    const endsAt = now + context.getRemainingTimeInMillis();
    const command = new PutItemCommand({
      TableName: tableName,
      Item: {
        id,
        status: IN_PROGRESS,
        claimant: { S: claimant },
        message_id: { S: messageId },
        in_progress_expiration: { N: `${Math.ceil(endsAt)}` },
        expiration: expirationAfter(now),
      },
      ConditionExpression: TAKE_CONDITION,
      ExpressionAttributeNames: STATUS,
      ExpressionAttributeValues: {
        ':inProgress': IN_PROGRESS,
        ':seconds': { N: `${Math.floor(now / 1000)}` },
        ':now': { N: `${now}` },
        ':latest': { N: `${now + LONGEST_CLAIM_MILLISECONDS}` },
        ':claimant': { S: claimant },
      },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    try {
      await settleBefore(signal, dynamo.send(command, { abortSignal: signal }));
      return undefined;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return error.Item ?? (await read(id, signal));
    }
  };

  /** @returns nothing in it when the claim has been given back meanwhile */
  const read = async (id: Item[string], signal: AbortSignal): Promise<Item> => {
    const command = new GetItemCommand({ TableName: tableName, Key: { id }, ConsistentRead: true });
    return (await settleBefore(signal, dynamo.send(command, { abortSignal: signal }))).Item ?? {};
  };

  /** Whoever holds the claim by now, the work is done. */
  const complete = async (id: Item[string], { messageId, context }: Claimant, result: string) => {
    using deadline = startDeadline(context.getRemainingTimeInMillis() - REPORT_MILLISECONDS);
    const { signal } = deadline;
    const command = new UpdateItemCommand({
      TableName: tableName,
      Key: { id },
      UpdateExpression:
        'SET #status = :completed, message_id = :messageId, #result = :result, expiration = :expiration',
      ExpressionAttributeNames: { ...STATUS, '#result': 'result' },
      ExpressionAttributeValues: {
        ':completed': COMPLETED,
        ':messageId': { S: messageId },
        ':result': { S: result },
        ':expiration': expirationAfter(Date.now()),
      },
    });
    await settleBefore(signal, dynamo.send(command, { abortSignal: signal }));
  };

  const release = async (id: Item[string], claimant: string) => {
    using deadline = startDeadline(RELEASE_WITHIN_MILLISECONDS);
    const { signal } = deadline;
    const command = new DeleteItemCommand({
      TableName: tableName,
      Key: { id },
      ConditionExpression: '#status = :inProgress AND claimant = :claimant',
      ExpressionAttributeNames: STATUS,
      ExpressionAttributeValues: { ':inProgress': IN_PROGRESS, ':claimant': { S: claimant } },
    });
    // When it cannot be given back, it ends by itself; why the work failed matters more.
    await settleBefore(signal, dynamo.send(command, { abortSignal: signal })).catch(() => {});
  };

  return {
    async once(key, claimant, work) {
      const id = { S: claimIdOf(key) };
      const own = randomUUID();
      for (;;) {
        const other = await take(id, own, claimant);
        if (other === undefined) break;
        if (other.status?.S === COMPLETED.S) {
          return other.message_id?.S === claimant.messageId ? (other.result?.S as never) : 'duplicate';
        }
        if (!claimant.isLastDelivery) throw new ClaimHeld(Number(other.in_progress_expiration?.N ?? 0) - Date.now());
        await settleBefore(claimant.signal, sleep(POLL_MILLISECONDS));
      }
      try {
        const result = await work();
        await complete(id, claimant, result);
        return result;
      } catch (error) {
        await release(id, own);
        throw error;
      }
    },
  };
}

function expirationAfter(milliseconds: number): AttributeValue {
  return { N: `${Math.floor(milliseconds / 1000) + MAXIMUM_EVENT_AGE_SECONDS}` };
}
