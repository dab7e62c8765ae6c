import { randomUUID } from 'node:crypto';
import {
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { type Environment, readClientSettings } from '../config.ts';
import { conditionFailure, expirationAfter } from '../store/table-items.ts';
import { AwsRequestHandler } from '../util/aws-request-handler.ts';
import { rejectOnAbort } from '../util/deadline.ts';
import { NO_VERSION, StateConflict, type StateKey, type StateStore } from './state-store.ts';

/** By default, the SDK would wait indefinitely. */
const TIMEOUTS = { connectionTimeout: 1000, requestTimeout: 3000, throwOnRequestTimeout: true };
const ATTEMPTS = 3;

/**
 * Opens the table of states.
 *
 * @throws {Error} if the function has none
 */
export function openStateTable(environment: Environment): StateStore {
  const { STATE_TABLE: tableName } = environment;
  if (!tableName) {
    throw new Error(
      'STATE_TABLE is not set. Only event handlers have state: the deployment creates the table if one of them imports ' +
        '#feishu-events/state. Run npx serverless deploy.',
    );
  }
  const client = new DynamoDBClient({
    ...readClientSettings(environment, 'dynamodb'),
    maxAttempts: ATTEMPTS,
    requestHandler: new AwsRequestHandler(TIMEOUTS),
  });
  return createStateTable(client, tableName);
}

/** @param tableName a table whose partition key is the string `id`, and whose time to live is `expiration` */
export function createStateTable(client: DynamoDBClient, tableName: string): StateStore {
  return {
    async read(key, signal) {
      const command = new GetItemCommand({ TableName: tableName, Key: itemKey(key), ConsistentRead: true });
      const { Item } = await rejectOnAbort(signal, client.send(command, { abortSignal: signal }));
      // DynamoDB may delete an item days after it has expired.
      if (Item === undefined || Number(Item.expiration?.N ?? Number.POSITIVE_INFINITY) < nowSeconds()) return undefined;
      return { json: Item.value?.S ?? '', version: Item.version?.S ?? '' };
    },

    async write(key, json, { ifVersion, expiresInSeconds }, signal) {
      const version = randomUUID();
      const command = new PutItemCommand({
        TableName: tableName,
        Item: {
          ...itemKey(key),
          value: { S: json },
          version: { S: version },
          ...(expiresInSeconds !== undefined && { expiration: expirationAfter(expiresInSeconds, Date.now()) }),
        },
        ...writeCondition(ifVersion, version),
      });
      await sendIf(client.send(command, { abortSignal: signal }), key, signal);
      return version;
    },

    async delete(key, { ifVersion }, signal) {
      const command = new DeleteItemCommand({
        TableName: tableName,
        Key: itemKey(key),
        ...(ifVersion !== undefined && {
          ConditionExpression: 'attribute_not_exists(id) OR #version = :version',
          ExpressionAttributeNames: { '#version': 'version' },
          ExpressionAttributeValues: { ':version': { S: ifVersion } },
        }),
      });
      await sendIf(client.send(command, { abortSignal: signal }), key, signal);
    },
  };
}

/** An item with the new version was written by the same request, whose response was lost. */
function writeCondition(ifVersion: string | undefined, newVersion: string): Partial<PutItemCommandInput> {
  if (ifVersion === undefined) return {};
  const values = { ':new': { S: newVersion }, ':now': { N: `${nowSeconds()}` } };
  const names = { '#version': 'version' };
  if (ifVersion === NO_VERSION) {
    return {
      ConditionExpression: 'attribute_not_exists(id) OR expiration < :now OR #version = :new',
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: values,
    };
  }
  const isCurrent = '#version = :version AND (attribute_not_exists(expiration) OR expiration >= :now)';
  return {
    ConditionExpression: `(${isCurrent}) OR #version = :new`,
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: { ...values, ':version': { S: ifVersion } },
  };
}

async function sendIf(sent: Promise<unknown>, key: StateKey, signal: AbortSignal): Promise<void> {
  if ((await conditionFailure(rejectOnAbort(signal, sent))) !== undefined) throw new StateConflict(key);
}

function itemKey({ kind, app, tenant, id }: StateKey) {
  return { id: { S: `${kind}#${JSON.stringify([app ?? '', tenant ?? '', id])}` } };
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
