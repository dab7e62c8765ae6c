import { DescribeTableCommand, DynamoDBClient, ResourceNotFoundException, ScanCommand } from '@aws-sdk/client-dynamodb';
import { GetQueueAttributesCommand, QueueDoesNotExist } from '@aws-sdk/client-sqs';
import { type AwsConfig, openSqs } from './aws-clients.ts';

export const QUEUE_TYPE = 'AWS::SQS::Queue';
export const TABLE_TYPE = 'AWS::DynamoDB::Table';

/** What the template stores in its queues and its table. */
const CONTENTS: Readonly<Record<string, [string, string]>> = {
  EventsQueue: ['waiting event', 'waiting events'],
  DeadLetterQueue: ['dead letter', 'dead letters'],
  ClaimsTable: ['record', 'records'],
};

/** A queue or a table of a stack. */
export interface Store {
  logicalId: string;
  type: string;
  /** A queue's URL, or a table's name. */
  physicalId: string;
}

export interface StoreContents extends Store {
  items: number;
  /** For example `12 waiting events`. */
  description: string;
}

/** Counts the messages of queues, including those in flight and delayed, and the items of tables. */
export async function countItems(config: AwsConfig, stores: readonly Store[]): Promise<StoreContents[]> {
  const sqs = openSqs(config);
  const dynamo = new DynamoDBClient(config);
  const count = ({ type, physicalId }: Store) =>
    type === QUEUE_TYPE ? countMessages(sqs, physicalId) : countTableItems(dynamo, physicalId);
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
