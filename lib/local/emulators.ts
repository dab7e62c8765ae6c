import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { CreateTableCommand, DynamoDBClient, waitUntilTableExists } from '@aws-sdk/client-dynamodb';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import dynalite from 'dynalite';
import { buildApp } from 'fauxqs';
import { MAXIMUM_DELIVERIES } from '../retry.ts';

/** SQS and DynamoDB in this process, on loopback, with what the deployment would create in them. */
export interface Emulators {
  sqs: SQSClient;
  queueUrl: string;
  queueArn: string;
  deadLetterQueueUrl: string;
  claimsTable: string;
  /** What an AWS SDK needs in its environment to find them. */
  environment: Record<string, string>;
  stop(): Promise<void>;
}

export interface EmulatorOptions {
  /** `conversation`: the queues are FIFO, as with the deployment's parameter of that name. */
  ordering: 'none' | 'conversation';
  /** As long as the deployment's: six times the worker's timeout. */
  visibilityTimeoutSeconds: number;
}

const HOST = '127.0.0.1';
const REGION = 'us-east-1';
const CLAIMS_TABLE = 'feishu-events-claims';

export async function startEmulators({ ordering, visibilityTimeoutSeconds }: EmulatorOptions): Promise<Emulators> {
  // `startFauxqs` would listen on every interface; decrypted events are nobody else's business.
  const fauxqs = buildApp({ logger: false, defaultRegion: REGION });
  const sqsEndpoint = await fauxqs.listen({ host: HOST, port: 0 });
  const dynamo = dynalite({ createTableMs: 0 }).listen(0, HOST);
  await once(dynamo, 'listening');
  const dynamoEndpoint = `http://${HOST}:${(dynamo.address() as AddressInfo).port}`;

  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const sqs = new SQSClient({ endpoint: sqsEndpoint, region: REGION, credentials });
  const suffix = ordering === 'conversation' ? '.fifo' : '';
  const fifo = ordering === 'conversation' ? { FifoQueue: 'true' } : {};
  const deadLetterQueue = queueNamed(sqsEndpoint, `feishu-events-dead${suffix}`);
  await sqs.send(new CreateQueueCommand({ QueueName: deadLetterQueue.name, Attributes: fifo }));
  const queue = queueNamed(sqsEndpoint, `feishu-events${suffix}`);
  const redrive = { deadLetterTargetArn: deadLetterQueue.arn, maxReceiveCount: MAXIMUM_DELIVERIES };
  const attributes = {
    ...fifo,
    VisibilityTimeout: `${visibilityTimeoutSeconds}`,
    RedrivePolicy: JSON.stringify(redrive),
  };
  await sqs.send(new CreateQueueCommand({ QueueName: queue.name, Attributes: attributes }));
  await createClaimsTable(new DynamoDBClient({ endpoint: dynamoEndpoint, region: REGION, credentials }));

  return {
    sqs,
    queueUrl: queue.url,
    queueArn: queue.arn,
    deadLetterQueueUrl: deadLetterQueue.url,
    claimsTable: CLAIMS_TABLE,
    environment: {
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_ENDPOINT_URL_SQS: sqsEndpoint,
      AWS_ENDPOINT_URL_DYNAMODB: dynamoEndpoint,
    },
    async stop() {
      sqs.destroy();
      dynamo.closeAllConnections();
      await Promise.all([fauxqs.close(), new Promise((resolve) => dynamo.close(resolve))]);
    },
  };
}

/** Not the URL that fauxqs answers: it names a host below `localhost`, which does not resolve everywhere. */
function queueNamed(endpoint: string, name: string) {
  const account = '000000000000';
  return { name, url: `${endpoint}/${account}/${name}`, arn: `arn:aws:sqs:${REGION}:${account}:${name}` };
}

async function createClaimsTable(client: DynamoDBClient): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: CLAIMS_TABLE,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    }),
  );
  await waitUntilTableExists({ client, maxWaitTime: 10, minDelay: 0.05, maxDelay: 1 }, { TableName: CLAIMS_TABLE });
  client.destroy();
}
