import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';
import { build } from 'esbuild';
import { workerBundle } from '../../lib/build/bundle.ts';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { deduplicationKey } from '../../lib/feishu/event-identity.ts';
import type { EmulatorOptions } from '../../lib/local/emulators/emulators.ts';
import { encodeMessage } from '../../lib/queue/message.ts';
import { toSqsRecord } from '../../lib/queue/sqs-record.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { createFailureReasons } from '../../lib/store/failure-reasons.ts';
import { recordIdOf } from '../../lib/store/idempotency.ts';
import { startEmulatorProcess } from '../support/emulator-process.ts';
import { createProject } from '../support/project.ts';
import { FunctionProcesses } from './function-process.ts';

/** How a handler ends its process: when it runs, or when its module is loaded. */
export type Poison = 'exits' | 'exits while loading' | 'loops' | 'uses up the memory';

/** What happened to the events of a run. */
export interface Outcome {
  /** The failure reason of each event in the dead-letter queue. */
  dead: Record<string, string | undefined>;
  /** The completed events. */
  completed: string[];
  /** How many deliveries of the batch it took to complete all innocent events. */
  deliveries: number;
}

export interface PoisonedWorker extends AsyncDisposable {
  /**
   * Queues events and delivers them until the queue is empty. All messages become visible together, which is the worst
   * case.
   *
   * @param poisons one event each, named after its poison and a number
   * @param innocents number of other events
   */
  run(poisons: readonly Poison[], innocents: number): Promise<Outcome>;
}

const MESSAGE_TYPE = 'im.message.receive_v1';
const TYPE_OF_BROKEN_MODULE = 'im.message.reaction.created_v1';
const MAXIMUM_BATCH_SIZE = 10;
const TIMEOUT_MILLISECONDS = 60_000;

/** Starts a worker in separate processes, whose handlers end them, with emulators. */
export async function startPoisonedWorker(ordering: EmulatorOptions['ordering'] = 'none'): Promise<PoisonedWorker> {
  await using parts = new AsyncDisposableStack();
  const { emulators } = parts.use(await startEmulatorProcess(ordering));
  const { queueUrl, queueArn, deadLetterQueueUrl, claimsTable, environment } = emulators;
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const clientOptions = { region: 'us-east-1', credentials };
  const sqs = new SQSClient({ ...clientOptions, endpoint: environment.AWS_ENDPOINT_URL_SQS as string });
  parts.defer(() => sqs.destroy());
  const dynamo = new DynamoDBClient({ ...clientOptions, endpoint: environment.AWS_ENDPOINT_URL_DYNAMODB as string });
  parts.defer(() => dynamo.destroy());
  const outdir = await mkdtemp(path.join(tmpdir(), 'feishu-events-poison-'));
  parts.defer(() => rm(outdir, { recursive: true }));
  const project = parts.use(await createProject());
  await project.writeHandler(`v2/${MESSAGE_TYPE}.ts`, MESSAGE_HANDLER);
  await project.writeHandler(`v2/${TYPE_OF_BROKEN_MODULE}.ts`, BROKEN_MODULE);
  await build(workerBundle(project.root, outdir));
  const worker: FunctionProcesses = new FunctionProcesses({
    bundle: path.join(outdir, 'worker.mjs'),
    environment: {
      ...environment,
      QUEUE_URL: queueUrl,
      CLAIMS_TABLE: claimsTable,
      LOG_LEVEL: 'ERROR',
      ENDS_WHILE_LOADING: 'yes',
      NODE_OPTIONS: '--max-old-space-size=100',
    },
    timeoutMilliseconds: TIMEOUT_MILLISECONDS,
    // Kills a looping process at once, as Lambda does after the timeout.
    onMessage: (name) => worker.kill(String(name)),
    clockShiftsMilliseconds: [0],
    concurrency: 1,
  });
  parts.defer(() => worker.stop());

  const countQueued = async (): Promise<number> => {
    const { Attributes = {} } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['All'] }),
    );
    return Number(Attributes.ApproximateNumberOfMessages) + Number(Attributes.ApproximateNumberOfMessagesNotVisible);
  };

  const receive = async (from: string): Promise<SQSRecord[]> => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: from,
        MaxNumberOfMessages: MAXIMUM_BATCH_SIZE,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['All'],
      }),
    );
    return Messages.map((message) => toSqsRecord(message, queueArn));
  };

  /** Delivers messages as the event source mapping does. */
  const deliver = async (records: SQSRecord[]) => {
    const response = (await worker.invoke({ Records: records }).catch(() => undefined)) as SQSBatchResponse | undefined;
    if (response === undefined) return;
    const failed = new Set(response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    const done = records.filter(({ messageId }) => !failed.has(messageId));
    if (done.length > 0)
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries: entriesOf(done) }));
  };

  /** Simulates six times the function's timeout: all leases expire, and the remaining messages become visible. */
  const letTimePass = async (records: SQSRecord[]) => {
    for (const { body } of records) {
      const update = new UpdateItemCommand({
        TableName: claimsTable,
        Key: { id: { S: recordIdOfBody(body) } },
        UpdateExpression: 'SET in_progress_expiration = :past',
        ConditionExpression: 'attribute_exists(id)',
        ExpressionAttributeValues: { ':past': { N: '0' } },
      });
      await dynamo.send(update).catch((error: Error) => {
        if (error.name !== 'ConditionalCheckFailedException') throw error;
      });
    }
    // Empty if the queue has just moved its last messages to the dead-letter queue.
    if (records.length === 0) return;
    const Entries = entriesOf(records).map((entry) => ({ ...entry, VisibilityTimeout: 0 }));
    await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries }));
  };

  const isCompleted = async (body: string): Promise<boolean> => {
    const Key = { id: { S: recordIdOfBody(body) } };
    const { Item } = await dynamo.send(new GetItemCommand({ TableName: claimsTable, Key, ConsistentRead: true }));
    return Item?.status?.S === 'COMPLETED';
  };

  const readDeadLetters = async (): Promise<Outcome['dead']> => {
    const dead: Outcome['dead'] = {};
    const failureReasons = createFailureReasons(dynamo, claimsTable);
    for (
      let letters = await receive(deadLetterQueueUrl);
      letters.length > 0;
      letters = await receive(deadLetterQueueUrl)
    ) {
      const reasons = await failureReasons.read(letters.map(({ messageId }) => messageId));
      for (const { messageId, body } of letters) dead[nameOf(body)] = reasons.get(messageId)?.reason;
    }
    return dead;
  };

  const running = parts.move();
  return {
    async run(poisons, innocents) {
      for (const QueueUrl of [queueUrl, deadLetterQueueUrl]) await sqs.send(new PurgeQueueCommand({ QueueUrl }));
      // Poisons go in the middle, so that innocent events are tested both before and after them.
      const innocentBodies = Array.from({ length: innocents }, (_, index) => eventOf(`innocent ${index}`));
      const bodies = innocentBodies.toSpliced(
        innocents / 2,
        0,
        ...poisons.map((poison, index) => eventOf(`${poison} ${index}`)),
      );
      for (const body of bodies) {
        const event = { text: body, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
        await sqs.send(new SendMessageCommand(encodeMessage(queueUrl, parseEnvelope(body) as EventEnvelope, event)));
      }
      let deliveries = 0;
      const areInnocentsCompleted = async () => (await Promise.all(innocentBodies.map(isCompleted))).every(Boolean);
      for (let delivery = 1; (await countQueued()) > 0; delivery += 1) {
        // A message whose attempts are used up is received several times in a row.
        const records = new Map<string, SQSRecord>();
        for (let batch = await receive(queueUrl); batch.length > 0; batch = await receive(queueUrl)) {
          for (const record of batch) records.set(record.messageId, record);
          await deliver(batch);
        }
        await letTimePass([...records.values()]);
        if (deliveries === 0 && (await areInnocentsCompleted())) deliveries = delivery;
      }
      const completed: string[] = [];
      for (const body of bodies) if (await isCompleted(body)) completed.push(nameOf(body));
      return { dead: await readDeadLetters(), completed, deliveries };
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Returns the names of innocent events. */
export function innocentNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `innocent ${index}`);
}

const MESSAGE_HANDLER = `
  import { onEvent } from '../../../lib/handler.ts';
  export default onEvent('${MESSAGE_TYPE}', async ({ message }) => {
    const { text } = JSON.parse(message.content);
    if (text.startsWith('exits')) process.exit(1);
    if (text.startsWith('loops')) {
      process.send(text);
      for (;;);
    }
    const held = [];
    if (text.startsWith('uses up the memory')) for (;;) held.push(new Array(100_000).fill(Math.random()));
    await new Promise((resolve) => setTimeout(resolve, 10));
  });`;

/** Ends the process when loaded by the worker, but not during the build. */
const BROKEN_MODULE = `
  import { onEvent } from '../../../lib/handler.ts';
  if (process.env.ENDS_WHILE_LOADING) process.exit(1);
  export default onEvent('${TYPE_OF_BROKEN_MODULE}', () => {});`;

/** Uses one chat per event, because a FIFO queue delivers the messages of a chat one after the other. */
function eventOf(name: string): string {
  const event = textMessage(name);
  event.message.chat_id = `oc_${randomUUID()}`;
  const type = name.startsWith('exits while loading') ? TYPE_OF_BROKEN_MODULE : MESSAGE_TYPE;
  return createSample(type, { version: '2.0', token: '', event });
}

function nameOf(body: string): string {
  return JSON.parse(JSON.parse(body).event.message.content).text;
}

function recordIdOfBody(body: string): string {
  return recordIdOf(deduplicationKey(parseEnvelope(body) as EventEnvelope, body));
}

function entriesOf(records: readonly SQSRecord[]) {
  return records.map(({ receiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle: receiptHandle }));
}
