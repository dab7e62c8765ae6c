import { DescribeTableCommand, DynamoDBClient, ResourceNotFoundException, ScanCommand } from '@aws-sdk/client-dynamodb';
import { ListObjectsV2Command, NoSuchBucket, S3Client } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, QueueDoesNotExist } from '@aws-sdk/client-sqs';
import { type AwsConfig, openSqs } from './aws-clients.ts';

export const QUEUE_TYPE = 'AWS::SQS::Queue';
export const TABLE_TYPE = 'AWS::DynamoDB::Table';
export const BUCKET_TYPE = 'AWS::S3::Bucket';

/** What the template stores in its queues, its tables and its bucket. */
const CONTENTS: Readonly<Record<string, [string, string]>> = {
  EventsQueue: ['waiting event', 'waiting events'],
  DeadLetterQueue: ['dead letter', 'dead letters'],
  ClaimsTable: ['record', 'records'],
  StateTable: ['state of a chat or user', 'states of chats and users'],
  LargeEventsBucket: ['large event', 'large events'],
};

const STORE_TYPES = [QUEUE_TYPE, TABLE_TYPE, BUCKET_TYPE];

/** Returns whether a resource is a queue, a table or a bucket with items. The framework's own bucket has none. */
export function isStore({ logicalId, type }: Pick<Store, 'logicalId' | 'type'>): boolean {
  return STORE_TYPES.includes(type) && logicalId !== 'ServerlessDeploymentBucket';
}

/** A queue, a table or a bucket of a stack. */
export interface Store {
  logicalId: string;
  type: string;
  /** A queue's URL, or the name of a table or bucket. */
  physicalId: string;
}

export interface StoreContents extends Store {
  items: number;
  /** For example `12 waiting events`. */
  description: string;
}

/** Counts the messages of queues, including those in flight and delayed, the items of tables and the objects of buckets. */
export async function countItems(config: AwsConfig, stores: readonly Store[]): Promise<StoreContents[]> {
  const sqs = openSqs(config);
  const dynamo = new DynamoDBClient(config);
  const s3 = new S3Client(config);
  const count = ({ type, physicalId }: Store) => {
    if (type === BUCKET_TYPE) return countObjects(s3, physicalId);
    return type === QUEUE_TYPE ? countMessages(sqs, physicalId) : countTableItems(dynamo, physicalId);
  };
  return Promise.all(
    stores.map(async (store) => {
      const { items, isMinimum } = await count(store);
      const [singular, plural] = CONTENTS[store.logicalId] ?? (store.type === QUEUE_TYPE ? MESSAGES : ITEMS);
      const description = `${isMinimum ? 'at least ' : ''}${items} ${items === 1 ? singular : plural}`;
      return { ...store, items, description };
    }),
  );
}

const MESSAGES = ['message', 'messages'] as const;
const ITEMS = ['item', 'items'] as const;
const NONE = { items: 0, isMinimum: false };

async function countMessages(sqs: ReturnType<typeof openSqs>, url: string) {
  const AttributeNames = [
    'ApproximateNumberOfMessages',
    'ApproximateNumberOfMessagesNotVisible',
    'ApproximateNumberOfMessagesDelayed',
  ] as const;
  try {
    const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [...AttributeNames] });
    const { Attributes = {} } = await sqs.send(command);
    return { items: AttributeNames.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0), isMinimum: false };
  } catch (error) {
    if (error instanceof QueueDoesNotExist) return NONE;
    throw error;
  }
}

/** Counts at most 1 MB of items, and uses DynamoDB's own count, which is up to six hours old, for larger tables. */
async function countTableItems(dynamo: DynamoDBClient, name: string) {
  try {
    const { Count = 0, LastEvaluatedKey } = await dynamo.send(new ScanCommand({ TableName: name, Select: 'COUNT' }));
    if (LastEvaluatedKey === undefined) return { items: Count, isMinimum: false };
    const { Table } = await dynamo.send(new DescribeTableCommand({ TableName: name }));
    return { items: Math.max(Count, Table?.ItemCount ?? 0), isMinimum: true };
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return NONE;
    throw error;
  }
}

/** Counts at most 1,000 objects. */
async function countObjects(s3: S3Client, name: string) {
  try {
    const { KeyCount = 0, IsTruncated = false } = await s3.send(new ListObjectsV2Command({ Bucket: name }));
    return { items: KeyCount, isMinimum: IsTruncated };
  } catch (error) {
    if (error instanceof NoSuchBucket) return NONE;
    throw error;
  }
}
