import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { readClientSettings } from '../config.ts';
import { AwsRequestHandler } from '../util/aws-request-handler.ts';

export interface WorkerClients {
  dynamo: DynamoDBClient;
  sqs: SQSClient;
}

/** By default, the SDK would wait indefinitely for DynamoDB's response and block the whole batch. */
const DYNAMO_TIMEOUTS = { connectionTimeout: 1000, requestTimeout: 3000, throwOnRequestTimeout: true };
const DYNAMO_ATTEMPTS = 3;

/** A response of each request of the worker. */
const EMPTY_RESPONSE = '{}';

export function createWorkerClients(): WorkerClients {
  return createRehearsableClients().clients;
}

/** Creates the worker's clients, and others that rehearse requests and open the connections for the first ones. */
export function createRehearsableClients() {
  const dynamo = new AwsRequestHandler(DYNAMO_TIMEOUTS);
  const sqs = new AwsRequestHandler({});
  return {
    clients: createClients({ dynamo, sqs }),
    rehearsalClients: createClients({ dynamo: rehearse(dynamo), sqs: rehearse(sqs) }),
    /** Waits until the connections are open or have failed, at most for 300 ms. */
    async connected(): Promise<void> {
      await Promise.all([dynamo.connected(), sqs.connected()]);
    },
  };
}

type RequestHandler = NonNullable<DynamoDBClientConfig['requestHandler']>;

function createClients(requestHandlers: { dynamo: RequestHandler; sqs: RequestHandler }): WorkerClients {
  return {
    dynamo: new DynamoDBClient({
      ...readClientSettings(process.env, 'dynamodb'),
      maxAttempts: DYNAMO_ATTEMPTS,
      requestHandler: requestHandlers.dynamo,
    }),
    sqs: new SQSClient({ ...readClientSettings(process.env, 'sqs'), requestHandler: requestHandlers.sqs }),
  };
}

function rehearse(requestHandler: AwsRequestHandler): RequestHandler {
  return {
    metadata: requestHandler.metadata,
    handle: (...[request, options]: Parameters<AwsRequestHandler['handle']>) =>
      requestHandler.handle(request, { ...options, rehearsedResponse: EMPTY_RESPONSE }),
    updateHttpClientConfig() {},
    httpHandlerConfigs: () => ({}),
  };
}
