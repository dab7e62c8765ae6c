import { createHash } from 'node:crypto';
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Context } from 'aws-lambda';
import { MAXIMUM_EVENT_AGE_SECONDS } from './feishu/request.ts';

/** Keeps the effects of an event to one time, however often it is delivered and over whichever way. */
export interface Claims {
  /**
   * Does the work under a claim. When the work throws, the claim is given back; when the function is killed, it ends
   * with the time the invocation had left. Once the work is done, the claim is kept for 72 hours.
   *
   * @param key names the event
   * @param messageId the queue message that brings it
   * @param context of the invocation: its remaining time bounds the claim
   * @returns what the work returned, now or when this same message came before; `duplicate` when another message with
   *   this key has been worked on
   * @throws what the work throws; Powertools' errors when another worker holds the claim or DynamoDB does not answer
   */
  once<Result extends string>(
    key: string,
    messageId: string,
    context: Context,
    work: () => Promise<Result>,
  ): Promise<Result | 'duplicate'>;
}

const HASH_FUNCTION = 'sha256';
const KEY_PREFIX = 'event';

/** The `id` of an event's item in the claims table, for who looks for it there. */
export function claimIdOf(key: string): string {
  return `${KEY_PREFIX}#${createHash(HASH_FUNCTION).update(JSON.stringify(key)).digest('base64')}`;
}

/** @param tableName a DynamoDB table whose partition key is the string `id`, and whose time to live is `expiration` */
export function createClaims(dynamo: DynamoDBClient, tableName: string): Claims {
  const persistenceStore = new DynamoDBPersistenceLayer({ tableName, awsSdkV3Client: dynamo });
  return {
    async once(key, messageId, context, work) {
      // One configuration an invocation: it holds the context, and invocations can overlap in the local stack.
      const config = new IdempotencyConfig({
        expiresAfterSeconds: MAXIMUM_EVENT_AGE_SECONDS,
        hashFunction: HASH_FUNCTION,
        lambdaContext: context,
      });
      const claim = async (_key: string) => ({ messageId, result: await work() });
      const options = { persistenceStore, config, keyPrefix: KEY_PREFIX, dataIndexArgument: 0 };
      const completed = await makeIdempotent(claim, options)(key);
      return completed.messageId === messageId ? completed.result : 'duplicate';
    },
  };
}
