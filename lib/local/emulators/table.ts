import {
  CreateTableCommand,
  DeleteItemCommand,
  type DynamoDBClient,
  paginateScan,
  ResourceInUseException,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';

/**
 * Creates the claims table. One that an earlier process left is relieved of the claims that have expired, as DynamoDB
 * would do, and of those of work that ended with the process: its events would wait for them in vain.
 */
export async function openTable(client: DynamoDBClient, name: string): Promise<void> {
  if (await isCreated(client, name)) await waitUntilTableExists(waiter(client), { TableName: name });
  else await releaseClaims(client, name);
}

const waiter = (client: DynamoDBClient) => ({ client, maxWaitTime: 10, minDelay: 0.05, maxDelay: 1 });

/** @returns `false` when there is one */
async function isCreated(client: DynamoDBClient, name: string): Promise<boolean> {
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

async function releaseClaims(client: DynamoDBClient, name: string): Promise<void> {
  const isOver = {
    TableName: name,
    ProjectionExpression: 'id',
    FilterExpression: '#status = :inProgress OR expiration < :now',
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: {
      ':inProgress': { S: 'INPROGRESS' },
      ':now': { N: `${Math.floor(Date.now() / 1000)}` },
    },
  };
  for await (const { Items = [] } of paginateScan({ client }, isOver)) {
    for (const { id } of Items) await client.send(new DeleteItemCommand({ TableName: name, Key: { id: id as never } }));
  }
}
