import { PassThrough } from 'node:stream';
import { type AttributeValue, DeleteItemCommand, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { readDeadLetter } from '../../lib/dead-letters/dead-letter.ts';
import { type DeadLetterQueue, openDeadLetterQueue } from '../../lib/dead-letters/dead-letter-queue.ts';
import { type RedriveParts, redrive } from '../../lib/dead-letters/redrive.ts';
import { createDeadLetterCommands, type DeadLetterCommands } from '../../lib/deploy/dlq/command.ts';
import { parseEnvelope } from '../../lib/feishu/envelope.ts';
import { onUnhandledEvent } from '../../lib/handler.ts';
import { type Emulators, startEmulators } from '../../lib/local/emulators/emulators.ts';
import { encodeMessage, escapeForSqs } from '../../lib/queue/message.ts';
import { toSqsRecord } from '../../lib/queue/sqs-record.ts';
import { createRedrives } from '../../lib/store/redrives.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { modulesOf } from '../support/handler-modules.ts';

type Ordering = 'none' | 'conversation';

/** Starts emulators of SQS (fauxqs) and DynamoDB (dynalite) for the tests of a file or block, and empties them after each. */
export function emulatedQueues(ordering: Ordering): EmulatedQueues {
  const queues = new EmulatedQueues();
  let savedEnvironment: NodeJS.ProcessEnv;

  beforeAll(async () => {
    queues.emulators = await startEmulators({ ordering, visibilityTimeoutSeconds: 3600 });
  });
  afterAll(() => queues.emulators.stop());

  beforeEach(() => {
    savedEnvironment = process.env;
    process.env = { ...process.env, ...queues.emulators.environment };
    queues.dynamo = new DynamoDBClient();
    queues.handle = () => {
      throw new TypeError('the approval has no number');
    };
  });
  afterEach(async () => {
    queues.dynamo.destroy();
    process.env = savedEnvironment;
    await empty(queues.emulators);
  });
  return queues;
}

/** Emulated queues whose dead letters the worker creates. */
class EmulatedQueues {
  emulators!: Emulators;
  dynamo!: DynamoDBClient;
  /** The worker's handler. */
  handle!: (event: object) => unknown;

  /** Sends events of these types, and runs the failing worker until they are dead letters. @returns their message ids */
  async makeDead(types: readonly string[]): Promise<string[]> {
    const ids = [];
    for (const [index, type] of types.entries()) {
      const event = `{"index":${index},"chat_id":"oc_1","number":9007199254740993,"text":"你好 👋"}`;
      const text = `{"schema":"2.0","header":{"event_id":"event-${index}","event_type":"${type}","app_id":"cli_1"},"event":${event}}`;
      const envelope = parseEnvelope(text);
      if (envelope.kind === 'url-verification') throw new TypeError('not an event');
      const queued = { text: escapeForSqs(text), source: 'webhook', receivedAt: new Date(), requestId: 'r-1' } as const;
      const sent = await this.emulators.sqs.send(
        new SendMessageCommand(encodeMessage(this.emulators.queueUrl, envelope, queued)),
      );
      ids.push(sent.MessageId as string);
    }
    await this.workUntilQuiet();
    return ids;
  }

  /** Emulates the event source mapping, without the delays of retries. */
  async workUntilQuiet(maximumBatches = Infinity): Promise<void> {
    const environment = {
      ...process.env,
      QUEUE_URL: this.emulators.queueUrl,
      CLAIMS_TABLE: this.emulators.claimsTable,
      LARGE_EVENTS_BUCKET: this.emulators.largeEventsBucket,
      LOG_LEVEL: 'SILENT',
    };
    const fallback = onUnhandledEvent((event) => this.handle(event));
    const modules = { v2: modulesOf({}), v1: modulesOf({}), fallback: modulesOf({ fallback }) };
    const worker = createWorker(modules, environment);
    const context = { getRemainingTimeInMillis: () => 60_000 } as Context;
    for (let batch = 1; batch <= maximumBatches; batch += 1) {
      const messages = await this.#receive(this.emulators.queueUrl);
      if (messages.length === 0) return;
      const records = messages.map((message) => toSqsRecord(message, this.emulators.queueArn));
      const { batchItemFailures }: SQSBatchResponse = await worker({ Records: records }, context);
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      for (const { MessageId = '', ReceiptHandle } of messages) {
        const address = { QueueUrl: this.emulators.queueUrl, ReceiptHandle };
        if (!failed.has(MessageId)) await this.emulators.sqs.send(new DeleteMessageCommand(address));
        else await this.#makeVisible(address);
      }
    }
  }

  /** @param typed input at a terminal; without it there is no terminal */
  async run(work: (commands: DeadLetterCommands) => Promise<void>, typed?: string): Promise<{ lines: string[] }> {
    const lines: string[] = [];
    const ids: Record<string, string> = {
      EventsQueue: this.emulators.queueUrl,
      DeadLetterQueue: this.emulators.deadLetterQueueUrl,
      ClaimsTable: this.emulators.claimsTable,
      LargeEventsBucket: this.emulators.largeEventsBucket,
    };
    const input = Object.assign(new PassThrough(), { isTTY: typed !== undefined });
    if (typed !== undefined) input.write(typed);
    const commands = createDeadLetterCommands({
      stack: {
        name: 'test',
        physicalId: (id) => ids[id],
        physicalIdsOf: () => [],
        resources: () => [],
        output: () => undefined,
      },
      sqs: this.emulators.sqs,
      dynamo: this.dynamo,
      print: (line) => lines.push(line),
      progress: { report() {}, end() {} },
      signal: new AbortController().signal,
      input: input as unknown as NodeJS.ReadStream,
    });
    await work(commands);
    return { lines };
  }

  redriveParts(): RedriveParts {
    return {
      queue: openDeadLetterQueue(this.emulators.sqs, this.emulators.deadLetterQueueUrl),
      redrives: createRedrives(this.dynamo, this.emulators.claimsTable),
      sqs: this.emulators.sqs,
      largeEvents: this.emulators.largeEvents,
      targetUrl: this.emulators.queueUrl,
    };
  }

  /** Redrives one batch of letters to a FIFO queue that is not emulated. The first character of each is its conversation. */
  async redriveBatch(bodies: string[], send: (body: string) => Promise<void>) {
    const released: string[] = [];
    const toLetter = (Body: string) =>
      readDeadLetter({ MessageId: Body, Body, Attributes: { MessageGroupId: Body.slice(0, 1) } }, '');
    const queue: DeadLetterQueue = {
      count: async () => ({ waiting: 0, hidden: 0 }),
      async *receive() {
        yield bodies.map(toLetter);
      },
      async remove() {},
      async release(letters) {
        released.push(...letters.map(({ body }) => body));
      },
    };
    const sqs = intercepting(async ({ input }) => {
      const { MessageBody } = input as { MessageBody: string };
      await send(MessageBody);
      return { output: { MessageId: `copy of ${MessageBody}` } };
    });
    const result = await redrive(
      { ...this.redriveParts(), targetUrl: `${this.emulators.queueUrl}.fifo`, queue, sqs },
      {},
      new AbortController().signal,
      () => {},
    );
    return { released, result };
  }

  async receiveAll(queueUrl: string): Promise<Message[]> {
    const messages = await this.#receive(queueUrl);
    return messages.length === 0 ? [] : [...messages, ...(await this.receiveAll(queueUrl))];
  }

  deadLetterCounts(): Promise<{ visible: number; hidden: number }> {
    return this.#counts(this.emulators.deadLetterQueueUrl);
  }

  eventCounts(): Promise<{ visible: number; hidden: number }> {
    return this.#counts(this.emulators.queueUrl);
  }

  async #makeVisible(address: { QueueUrl: string; ReceiptHandle: string | undefined }): Promise<void> {
    const command = new ChangeMessageVisibilityCommand({ ...address, VisibilityTimeout: 0 });
    await this.emulators.sqs.send(command).catch((error: Error) => {
      // After the last attempt, the worker has already made it visible.
      if (error.name !== 'MessageNotInflight') throw error;
    });
  }

  async #receive(QueueUrl: string): Promise<Message[]> {
    const everything = { MessageAttributeNames: ['All'], MessageSystemAttributeNames: ['All' as const] };
    const command = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, ...everything });
    return (await this.emulators.sqs.send(command)).Messages ?? [];
  }

  async #counts(QueueUrl: string): Promise<{ visible: number; hidden: number }> {
    const { Attributes = {} } = await this.emulators.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
    );
    return {
      visible: Number(Attributes.ApproximateNumberOfMessages),
      hidden: Number(Attributes.ApproximateNumberOfMessagesNotVisible),
    };
  }
}

/** Deletes all messages and items, for the next test. */
async function empty({ sqs, queueUrl, deadLetterQueueUrl, dynamo, claimsTable: TableName }: Emulators): Promise<void> {
  for (const QueueUrl of [queueUrl, deadLetterQueueUrl]) await sqs.send(new PurgeQueueCommand({ QueueUrl }));
  const { Items = [] } = await dynamo.send(new ScanCommand({ TableName }));
  for (const { id } of Items as { id: AttributeValue }[]) {
    await dynamo.send(new DeleteItemCommand({ TableName, Key: { id } }));
  }
}

/** Creates a client whose command fails, as if the process or the network had failed. */
export function failing(name: string): SQSClient {
  return intercepting((args, context, next) => {
    if (context.commandName === name) throw new Error(`${name} failed`);
    return next(args);
  });
}

type Arguments = { input: object };
type Next = (args: Arguments) => Promise<unknown>;

export function intercepting(intercept: (args: Arguments, context: { commandName?: string }, next: Next) => unknown) {
  const client = new SQSClient();
  const middleware = (next: Next, context: object) => async (args: Arguments) => intercept(args, context, next);
  client.middlewareStack.add(middleware as never, { step: 'initialize' });
  return client;
}
