import {
  CreateTableCommand,
  DeleteItemCommand,
  type DynamoDBClient,
  paginateScan,
  ResourceInUseException,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';

/**
 * Creates the table. If an earlier process left one, deletes its expired items, as DynamoDB's TTL would, and the leases of
 * that process, which would only delay their events.
 */
export async function openTable(client: DynamoDBClient, name: string): Promise<void> {
  if (await createTable(client, name)) await waitUntilTableExists(waiterOptions(client), { TableName: name });
  else await deleteStaleItems(client, name);
}

const waiterOptions = (client: DynamoDBClient) => ({ client, maxWaitTime: 10, minDelay: 0.05, maxDelay: 1 });

/** @returns `false` if the table already exists */
async function createTable(client: DynamoDBClient, name: string): Promise<boolean> {
  try {
    await client.send(
      new CreateTableCommand({
        TableName: name,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof ResourceInUseException) return false;
    throw error;
  }
}

async function deleteStaleItems(client: DynamoDBClient, name: string): Promise<void> {
  const staleItems = {
    TableName: name,
    ProjectionExpression: 'id',
    FilterExpression: '#status = :inProgress OR expiration < :now',
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: {
      ':inProgress': { S: 'INPROGRESS' },
      ':now': { N: `${Math.floor(Date.now() / 1000)}` },
    },
  };
  for await (const { Items = [] } of paginateScan({ client }, staleItems)) {
    for (const { id } of Items) await client.send(new DeleteItemCommand({ TableName: name, Key: { id: id as never } }));
  }
}
