import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { devNull } from 'node:os';
import path from 'node:path';
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { CreateQueueCommand, SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { type LargeEvents, openLargeEvents } from '../../queue/large-events.ts';
import { toSqsRecord } from '../../queue/sqs-record.ts';
import { createFailureReasons } from '../../store/failure-reasons.ts';
import { createReturns } from '../../store/returns.ts';
import { MAXIMUM_RECEIVES } from '../../worker/retry.ts';
import { loadStoredEvents } from '../../worker/stored-events.ts';
import { startEmulator } from './emulator.ts';
import type { StoredMessage } from './message-store.ts';
import { openTable } from './table.ts';

/** SQS, S3 and DynamoDB in threads of this process, on loopback, with the queues, bucket and tables of a deployment. */
export interface Emulators {
  sqs: SQSClient;
  queueUrl: string;
  queueArn: string;
  deadLetterQueueUrl: string;
  dynamo: DynamoDBClient;
  claimsTable: string;
  stateTable: string;
  largeEventsBucket: string;
  largeEvents: LargeEvents;
  /** Returns a message with its event, also if that is in the bucket of large events. */
  loadEvent(record: SQSRecord): Promise<SQSRecord>;
  /** The environment variables that point any AWS client at the emulators, as Lambda's variables point it at AWS. */
  environment: Record<string, string>;
  /** The environment variable that points only the template's own clients at the emulators. */
  templateEnvironment: Record<string, string>;
  /** Messages that an earlier process left in the data folder, oldest first. */
  restored: RestoredMessage[];
  stop(): Promise<void>;
}

export interface RestoredMessage {
  record: SQSRecord;
  /** Whether it is in the dead-letter queue. */
  isDead: boolean;
  /** The failure reason, if its attempts are used up and the worker stored one. */
  reason?: string | undefined;
  /** How many of its deliveries a rate limit returned. */
  returns: number;
}

export interface EmulatorOptions {
  /** `conversation` makes the queues FIFO, like the deployment parameter of the same name. */
  ordering: 'none' | 'conversation';
  /** Deployed, it is six times the worker's timeout. */
  visibilityTimeoutSeconds: number;
  /** Stores the queues and the table for the next process. Only one process can use it at a time. Default: in memory. */
  dataFolder?: string | undefined;
}

const REGION = 'us-east-1';
const EVENTS_QUEUE = 'feishu-events';
const DEAD_LETTER_QUEUE = 'feishu-events-dead';
const CLAIMS_TABLE = 'feishu-events-claims';
const STATE_TABLE = 'feishu-events-state';
const LARGE_EVENTS_BUCKET = 'feishu-events-large-events';

/** An event in the bucket of large events that is not read by then is displayed without its content. */
const READ_WITHIN_MILLISECONDS = 60_000;

const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };
/** Every setting that an SDK client would otherwise read from this machine's environment and profile. */
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

/**
 * Starts the emulators, and creates the queues, the bucket and the tables.
 *
 * @throws if another process uses the data folder, or if it cannot be read; the message says what to do
 */
export async function startEmulators(options: EmulatorOptions): Promise<Emulators> {
  await using parts = new AsyncDisposableStack();
  const { ordering, visibilityTimeoutSeconds, dataFolder } = options;
  // The queue starts first: it locks the folder.
  const queueEmulator = await startEmulator<StoredMessage[]>(
    new URL('queue-thread.ts', import.meta.url),
    dataFolder === undefined ? {} : { folder: dataFolder },
  );
  parts.defer(() => queueEmulator.stop());
  const tableEmulator = await startEmulator(
    new URL('table-thread.ts', import.meta.url),
    dataFolder === undefined ? {} : { folder: path.join(dataFolder, 'claims') },
  );
  parts.defer(() => tableEmulator.stop());

  const sqsEndpoint = queueEmulator.endpoint;
  const sqsSettings = { ...CLIENT_SETTINGS, endpoint: sqsEndpoint };
  const sqs = new SQSClient(sqsSettings);
  parts.defer(() => sqs.destroy());
  const suffix = ordering === 'conversation' ? '.fifo' : '';
  const fifo = ordering === 'conversation' ? { FifoQueue: 'true' } : {};
  const deadLetterQueue = queueNamed(sqsEndpoint, `${DEAD_LETTER_QUEUE}${suffix}`);
  await sqs.send(new CreateQueueCommand({ QueueName: deadLetterQueue.name, Attributes: fifo }));
  const queue = queueNamed(sqsEndpoint, `${EVENTS_QUEUE}${suffix}`);
  const redrive = { deadLetterTargetArn: deadLetterQueue.arn, maxReceiveCount: MAXIMUM_RECEIVES };
  const attributes = {
    ...fifo,
    VisibilityTimeout: `${visibilityTimeoutSeconds}`,
    RedrivePolicy: JSON.stringify(redrive),
  };
  await sqs.send(new CreateQueueCommand({ QueueName: queue.name, Attributes: attributes }));
  // The same server emulates S3.
  const s3Endpoint = sqsEndpoint;
  const creation = request(`${s3Endpoint}/${LARGE_EVENTS_BUCKET}`, { method: 'PUT', agent: false }).end();
  const [created] = (await once(creation, 'response')) as [IncomingMessage];
  created.resume();
  if (created.statusCode !== 200) throw new Error(`The emulator of S3 responded with ${created.statusCode}`);
  const largeEvents = openLargeEvents(LARGE_EVENTS_BUCKET, sqs.config, s3Endpoint);
  const dynamoSettings = {
    ...CLIENT_SETTINGS,
    endpoint: tableEmulator.endpoint,
    accountIdEndpointMode: 'disabled',
    endpointDiscoveryEnabled: false,
  } satisfies DynamoDBClientConfig;
  const dynamo = new DynamoDBClient(dynamoSettings);
  parts.defer(() => dynamo.destroy());
  const opened = Promise.all([openTable(dynamo, CLAIMS_TABLE), openTable(dynamo, STATE_TABLE)]);
  await tableEmulator.during(opened).catch((cause: Error) => {
    if (dataFolder === undefined) throw cause;
    const advice = 'Move the folder away to start with an empty queue.';
    throw new Error(`Cannot read the idempotency records in ${dataFolder} (${cause.message}). ${advice}`, { cause });
  });

  const loadEvent = async (message: SQSRecord) => {
    const limit = AbortSignal.timeout(READ_WITHIN_MILLISECONDS);
    const { records } = await loadStoredEvents([message], () => largeEvents, limit);
    return records[0] as SQSRecord;
  };
  const restored = await Promise.all(
    queueEmulator.restored.map(async ({ queue: name, message }) => ({
      record: await loadEvent(toSqsRecord(message, queue.arn)),
      isDead: name === DEAD_LETTER_QUEUE,
    })),
  );
  const restoredIds = restored.map(({ record }) => record.messageId);
  const failureReasons = await createFailureReasons(dynamo, CLAIMS_TABLE).read(restoredIds);
  const returns = await createReturns(dynamo, CLAIMS_TABLE).read(restoredIds, new AbortController().signal);

  const running = parts.move();
  return {
    sqs,
    queueUrl: queue.url,
    queueArn: queue.arn,
    deadLetterQueueUrl: deadLetterQueue.url,
    dynamo,
    claimsTable: CLAIMS_TABLE,
    stateTable: STATE_TABLE,
    largeEventsBucket: LARGE_EVENTS_BUCKET,
    largeEvents,
    loadEvent,
    restored: restored.map((message) => ({
      ...message,
      reason:
        failureReasons.get(message.record.messageId)?.reason ?? message.record.messageAttributes.reason?.stringValue,
      returns: returns.get(message.record.messageId) ?? 0,
    })),
    environment: {
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      // The default profile in ~/.aws may set another endpoint or require FIPS.
      AWS_CONFIG_FILE: devNull,
      AWS_SHARED_CREDENTIALS_FILE: devNull,
      AWS_ENDPOINT_URL_SQS: sqsEndpoint,
      AWS_ENDPOINT_URL_DYNAMODB: tableEmulator.endpoint,
      AWS_ENDPOINT_URL_S3: s3Endpoint,
    },
    templateEnvironment: {
      FEISHU_EVENTS_EMULATORS: JSON.stringify({
        sqs: sqsSettings,
        dynamodb: dynamoSettings,
        s3: { endpoint: s3Endpoint },
      }),
    },
    stop: () => running.disposeAsync(),
  };
}

/** Builds the URL itself: the one that fauxqs returns has a subdomain of `localhost`, which does not resolve everywhere. */
function queueNamed(endpoint: string, name: string) {
  const account = '000000000000';
  return { name, url: `${endpoint}/${account}/${name}`, arn: `arn:aws:sqs:${REGION}:${account}:${name}` };
}
