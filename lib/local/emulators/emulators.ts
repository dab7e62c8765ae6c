import { devNull } from 'node:os';
import path from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateQueueCommand, SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { toSqsRecord } from '../../queue/sqs-record.ts';
import { createFailureReasons } from '../../store/failure-reasons.ts';
import { MAXIMUM_DELIVERIES } from '../../worker/retry.ts';
import { startEmulator } from './emulator.ts';
import type { KeptMessage } from './message-store.ts';
import { openTable } from './table.ts';

/** SQS and DynamoDB in threads of this process, on loopback, with what the deployment would create in them. */
export interface Emulators {
  sqs: SQSClient;
  queueUrl: string;
  queueArn: string;
  deadLetterQueueUrl: string;
  dynamo: DynamoDBClient;
  claimsTable: string;
  /** What an AWS SDK needs in its environment to find them. */
  environment: Record<string, string>;
  /** The messages that an earlier process left in the data folder, oldest first. */
  kept: KeptRecord[];
  stop(): Promise<void>;
}

export interface KeptRecord {
  record: SQSRecord;
  /** It is in the dead-letter queue. */
  isDead: boolean;
  /** Why it is there, where the worker could note it. */
  reason?: string | undefined;
}

export interface EmulatorOptions {
  /** `conversation`: the queues are FIFO, as with the deployment's parameter of that name. */
  ordering: 'none' | 'conversation';
  /** As long as the deployment's: six times the worker's timeout. */
  visibilityTimeoutSeconds: number;
  /**
   * Where messages and claims are kept, for the next process too. One process at a time can use it. Without it they are
   * in memory.
   */
  dataFolder?: string | undefined;
}

const REGION = 'us-east-1';
const EVENTS_QUEUE = 'feishu-events';
const DEAD_LETTER_QUEUE = 'feishu-events-dead';
const CLAIMS_TABLE = 'feishu-events-claims';

const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };
/** Everything that an SDK client would otherwise take from this machine's environment and profile. */
const CLIENT_SETTINGS = {
  region: REGION,
  credentials: CREDENTIALS,
  maxAttempts: 3,
  retryMode: 'standard',
  defaultsMode: 'standard',
  useFipsEndpoint: false,
  useDualstackEndpoint: false,
  authSchemePreference: [],
  userAgentAppId: 'feishu-events',
} satisfies SQSClientConfig;

/** @throws when the data folder is another process's or cannot be read; the message says what to do */
export async function startEmulators(options: EmulatorOptions): Promise<Emulators> {
  await using parts = new AsyncDisposableStack();
  const { ordering, visibilityTimeoutSeconds, dataFolder } = options;
  // The queue is first: it locks the folder.
  const queueEmulator = await startEmulator<KeptMessage[]>(
    new URL('queue-thread.ts', import.meta.url),
    dataFolder === undefined ? {} : { folder: dataFolder },
  );
  parts.defer(() => queueEmulator.stop());
  const claimsEmulator = await startEmulator(
    new URL('table-thread.ts', import.meta.url),
    dataFolder === undefined ? {} : { folder: path.join(dataFolder, 'claims') },
  );
  parts.defer(() => claimsEmulator.stop());

  const sqsEndpoint = queueEmulator.endpoint;
  const sqs = new SQSClient({ ...CLIENT_SETTINGS, endpoint: sqsEndpoint });
  parts.defer(() => sqs.destroy());
  const suffix = ordering === 'conversation' ? '.fifo' : '';
  const fifo = ordering === 'conversation' ? { FifoQueue: 'true' } : {};
  const deadLetterQueue = queueNamed(sqsEndpoint, `${DEAD_LETTER_QUEUE}${suffix}`);
  await sqs.send(new CreateQueueCommand({ QueueName: deadLetterQueue.name, Attributes: fifo }));
  const queue = queueNamed(sqsEndpoint, `${EVENTS_QUEUE}${suffix}`);
  const redrive = { deadLetterTargetArn: deadLetterQueue.arn, maxReceiveCount: MAXIMUM_DELIVERIES };
  const attributes = {
    ...fifo,
    VisibilityTimeout: `${visibilityTimeoutSeconds}`,
    RedrivePolicy: JSON.stringify(redrive),
  };
  await sqs.send(new CreateQueueCommand({ QueueName: queue.name, Attributes: attributes }));
  const dynamo = new DynamoDBClient({
    ...CLIENT_SETTINGS,
    endpoint: claimsEmulator.endpoint,
    accountIdEndpointMode: 'disabled',
    endpointDiscoveryEnabled: false,
  });
  parts.defer(() => dynamo.destroy());
  await claimsEmulator.during(openTable(dynamo, CLAIMS_TABLE)).catch((cause: Error) => {
    if (dataFolder === undefined) throw cause;
    const advice = 'Move the folder away to start with an empty queue.';
    throw new Error(`The claims kept in ${dataFolder} cannot be read (${cause.message}). ${advice}`, { cause });
  });

  const kept = queueEmulator.restored.map(({ queue: name, message }) => ({
    record: toSqsRecord(message, queue.arn),
    isDead: name === DEAD_LETTER_QUEUE,
  }));
  const dead = kept.filter(({ isDead }) => isDead).map(({ record }) => record.messageId);
  const notes = await createFailureReasons(dynamo, CLAIMS_TABLE).read(dead);

  const running = parts.move();
  return {
    sqs,
    queueUrl: queue.url,
    queueArn: queue.arn,
    deadLetterQueueUrl: deadLetterQueue.url,
    dynamo,
    claimsTable: CLAIMS_TABLE,
    kept: kept.map((message) => ({ ...message, reason: notes.get(message.record.messageId)?.reason })),
    environment: {
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      // The default profile in ~/.aws may have another endpoint, or require FIPS.
      AWS_CONFIG_FILE: devNull,
      AWS_SHARED_CREDENTIALS_FILE: devNull,
      AWS_ENDPOINT_URL_SQS: sqsEndpoint,
      AWS_ENDPOINT_URL_DYNAMODB: claimsEmulator.endpoint,
    },
    stop: () => running.disposeAsync(),
  };
}

/** Not the URL that fauxqs answers: it names a host below `localhost`, which does not resolve everywhere. */
function queueNamed(endpoint: string, name: string) {
  const account = '000000000000';
  return { name, url: `${endpoint}/${account}/${name}`, arn: `arn:aws:sqs:${REGION}:${account}:${name}` };
}
