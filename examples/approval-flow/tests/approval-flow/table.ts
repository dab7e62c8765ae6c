import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';

// An emulator of DynamoDB. `npx node test/approval-flow/table.ts` starts it for npm start.

/** Starts the emulator, and points the handlers' client at it. */
export async function startDatabase(port = 0): Promise<AsyncDisposable> {
  const server = dynalite({ createTableMs: 0 }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  Object.assign(process.env, {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Creates an empty table, as in extensions.yml, and makes the handlers use it. */
export async function createTable(name = `approvals-${randomUUID()}`): Promise<void> {
  process.env.APPROVALS_TABLE = name;
  const dynamo = new DynamoDBClient();
  await dynamo.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'task', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'task', KeyType: 'HASH' }],
    }),
  );
  dynamo.destroy();
}

if (import.meta.main) {
  await startDatabase(Number(process.argv[2] ?? 8000));
  await createTable('approvals');
  console.log('Add these lines to .env, and run npm start in another terminal:\n');
  const names = [
    'APPROVALS_TABLE',
    'AWS_REGION',
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_ENDPOINT_URL_DYNAMODB',
  ];
  for (const name of names) console.log(`${name}=${process.env[name]}`);
}
