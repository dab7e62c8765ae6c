import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { build } from 'esbuild';
import { connectionBundle, lambdaBundle, platformSdkBundle } from '../../lib/build/bundle.ts';
import type { EmulatorOptions } from '../../lib/local/emulators/emulators.ts';
import { startEventSourceMapping } from '../../lib/local/event-source-mapping.ts';
import { createGateway } from '../../lib/local/gateway.ts';
import { startHttpServer } from '../../lib/local/http-server.ts';
import { WEBHOOK_TIMEOUT_SECONDS } from '../../lib/local/stack.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { WEBHOOK_PATH } from '../../lib/webhook/path.ts';
import { FakeClock } from '../mock-platform/clock.ts';
import type { Delivery, PlatformEvent, PushOptions } from '../mock-platform/deliveries.ts';
import { MockPlatform } from '../mock-platform/platform.ts';
import { type EmulatorProcess, startEmulatorProcess } from '../support/emulator-process.ts';
import { createProject, PROJECT_ROOT, type TemporaryProject } from '../support/project.ts';
import { start } from '../support/run.ts';
import { FaultRules } from './fault-rules.ts';
import { FaultyProxy, type ServiceRequest } from './faulty-proxy.ts';
import { FunctionProcesses } from './function-process.ts';
import { recordIdOfEvent } from './oracle.ts';
import { SendApi } from './send-api.ts';

/** What the worker needs to report, 2 s, is in it. A lease lasts as long. */
const WORKER_TIMEOUT_SECONDS = 4;
/** What the visibility timeout is longer than a lease, which is exact to 2 s. In the deployment it is 300 s longer. */
const VISIBILITY_MARGIN_SECONDS = 3;
const WEBHOOK_CONCURRENCY = 100;
/** The platform pushes no more at a time here. */
export const PUSHES_IN_FLIGHT = 50;

const ENCRYPT_KEY = 'an encrypt key';
const MESSAGE_TYPE = 'im.message.receive_v1';
const APP_ID = 'cli_a1b2c3d4e5f6g7h8';

export interface SystemOptions {
  /** Default: 4. Longer where no worker may be ended by its timeout, however slow the machine is. */
  workerTimeoutSeconds?: number;
  ordering?: EmulatorOptions['ordering'];
  longConnection?: boolean;
  /** How wrong the clocks of the worker's processes are: of the first, the second, … and again from the first. */
  workerClockShiftsMilliseconds?: readonly number[];
  webhookClockShiftMilliseconds?: number;
}

/** The whole way of an event, from the platform to the effect of its handler, in which every part can fail. */
export interface System extends AsyncDisposable {
  platform: MockPlatform;
  clock: FakeClock;
  /** What happens to the requests to SQS and DynamoDB. */
  faults: FaultRules;
  /** Between the functions, and the event source mapping, and SQS. */
  sqs: FaultyProxy;
  /** Between the worker and DynamoDB. */
  dynamo: FaultyProxy;
  worker: FunctionProcesses;
  webhook: FunctionProcesses;
  api: SendApi;
  emulators: EmulatorProcess['emulators'];
  /** Past the proxies. */
  clients: { sqs: SQSClient; dynamo: DynamoDBClient };
  /** How often the handler of a message has started, by message. */
  runs: Map<string, number>;
  /** Messages whose handler started although their event was completed. */
  ranAgain: string[];
  /** Deliveries to the worker, by queue message. */
  delivered: Map<string, number>;
  /** Lets the platform's time pass until it pushes nothing any more. */
  finishPushes(): Promise<void>;
  push(event: PlatformEvent, options?: PushOptions): Delivery;
  pushByLongConnection(event: PlatformEvent, options?: PushOptions): Delivery;
}

export async function startSystem(options: SystemOptions = {}): Promise<System> {
  await using parts = new AsyncDisposableStack();
  const { ordering = 'none', workerTimeoutSeconds = WORKER_TIMEOUT_SECONDS } = options;
  const { emulators } = parts.use(await startEmulatorProcess(ordering));
  const { AWS_ENDPOINT_URL_SQS = '', AWS_ENDPOINT_URL_DYNAMODB = '' } = emulators.environment;
  const sqs = await FaultyProxy.start({ target: AWS_ENDPOINT_URL_SQS, rewrite: hurry(workerTimeoutSeconds) });
  parts.defer(() => sqs.stop());
  const dynamo = await FaultyProxy.start({ target: AWS_ENDPOINT_URL_DYNAMODB });
  parts.defer(() => dynamo.stop());
  const faults = new FaultRules();
  for (const proxy of [sqs, dynamo]) proxy.decide = (request) => faults.decide(request);
  const api = await SendApi.start();
  parts.defer(() => api.stop());
  const clock = new FakeClock();
  const platform = await MockPlatform.start(clock);
  parts.defer(() => platform.stop());

  const environment = {
    ...emulators.environment,
    AWS_ENDPOINT_URL_SQS: sqs.origin,
    AWS_ENDPOINT_URL_DYNAMODB: dynamo.origin,
    QUEUE_URL: `${sqs.origin}${new URL(emulators.queueUrl).pathname}`,
    CLAIMS_TABLE: emulators.claimsTable,
    FEISHU_ENCRYPT_KEY: ENCRYPT_KEY,
    FEISHU_APP_ID: APP_ID,
    FEISHU_APP_SECRET: 'secret-of-the-app',
    LOG_LEVEL: 'ERROR',
  };
  const outdir = await mkdtemp(path.join(tmpdir(), 'feishu-events-faults-'));
  parts.defer(() => rm(outdir, { recursive: true }));
  const project = parts.use(await createProject());
  await reportRuns(project);
  await Promise.all([
    build(lambdaBundle(project.root, outdir)),
    build(connectionBundle(project.root, outdir)),
    // From here, where its packages are.
    build(platformSdkBundle(PROJECT_ROOT, outdir)),
  ]);
  const runs = new Map<string, number>();
  const ranAgain: string[] = [];
  const completed = new Set<string>();
  /** By the message of the event. */
  const records = new Map<string, string>();
  dynamo.onDone = ({ operation, text, body }) => {
    if (operation !== 'UpdateItem' || !text.includes('COMPLETED')) return;
    const { id } = body.Key as { id: { S: string } };
    completed.add(id.S);
  };
  const onRun = ({ run }: Run) => {
    runs.set(run, (runs.get(run) ?? 0) + 1);
    if (completed.has(records.get(run) ?? '')) ranAgain.push(run);
  };
  const startFunction = (name: string, timeoutMilliseconds: number, concurrency: number, shifts: readonly number[]) => {
    const processes = new FunctionProcesses({
      bundle: path.join(outdir, `${name}.mjs`),
      environment: { ...environment, FEISHU_DOMAIN: api.domain },
      clockShiftsMilliseconds: shifts,
      timeoutMilliseconds,
      concurrency,
      onMessage: (message) => onRun(message as Run),
    });
    parts.defer(() => processes.stop());
    return processes;
  };
  const worker = startFunction('worker', workerTimeoutSeconds * 1000, 1, options.workerClockShiftsMilliseconds ?? [0]);
  const webhook = startFunction('webhook', WEBHOOK_TIMEOUT_SECONDS * 1000, WEBHOOK_CONCURRENCY, [
    options.webhookClockShiftMilliseconds ?? 0,
  ]);

  const direct = { ...clientOptions(emulators.environment), maxAttempts: 1 };
  const clients = {
    sqs: new SQSClient({ ...direct, endpoint: AWS_ENDPOINT_URL_SQS }),
    dynamo: new DynamoDBClient({ ...direct, endpoint: AWS_ENDPOINT_URL_DYNAMODB }),
  };
  const delivered = new Map<string, number>();
  const mapping = startEventSourceMapping({
    sqs: new SQSClient({ ...direct, endpoint: sqs.origin }),
    queueUrl: environment.QUEUE_URL,
    queueArn: emulators.queueArn,
    invoke: (event) => worker.invoke(event),
    onDelivery: ({ receiptHandle, body, messageId }) => {
      faults.received(receiptHandle, JSON.parse(body).event.message.message_id);
      delivered.set(messageId, (delivered.get(messageId) ?? 0) + 1);
    },
    onBatchFailure: () => {},
  });
  parts.defer(() => mapping.stop());
  const answer = createGateway({ invokeWebhook: (event) => webhook.invoke(event), listEvents: () => [] });
  const gateway = await startHttpServer('127.0.0.1', 0, answer);
  parts.defer(() => gateway.stop());

  if (options.longConnection) {
    const program = start(outdir, 'connection.mjs', [], {
      ...environment,
      FEISHU_DOMAIN: platform.domain,
      HEALTH_PORT: '0',
    });
    parts.use(program);
    while (platform.gateway.open.length === 0) await sleep(20);
  }

  const running = parts.move();
  const target = { url: `${gateway.origin}${WEBHOOK_PATH}`, encryptKey: ENCRYPT_KEY };
  return {
    platform,
    clock,
    faults,
    sqs,
    dynamo,
    worker,
    webhook,
    api,
    emulators,
    clients,
    runs,
    ranAgain,
    delivered,
    async finishPushes() {
      // The clock stands still while an answer may come, so that none is late because this machine is slow.
      for (;;) {
        while (platform.inFlight > 0) await sleep(5);
        if (!clock.advanceToNext(Infinity)) return;
        while (clock.advanceToNext(clock.nowMs)) while (platform.inFlight >= PUSHES_IN_FLIGHT) await sleep(1);
      }
    },
    push(event, pushOptions) {
      records.set(event.id, recordIdOfEvent(event));
      return platform.pushByWebhook(event, target, pushOptions);
    },
    pushByLongConnection(event, pushOptions) {
      records.set(event.id, recordIdOfEvent(event));
      return platform.push(event, {}, pushOptions);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** What the worker's handler sends when it starts: the message that it answers. */
interface Run {
  run: string;
}

/** Has the project's own handler say when it starts. */
async function reportRuns({ root, writeHandler }: TemporaryProject): Promise<void> {
  const handlers = path.join(root, 'functions/handlers');
  const original = path.join(root, 'functions/original/v2');
  await mkdir(original, { recursive: true });
  await rename(path.join(handlers, `v2/${MESSAGE_TYPE}.ts`), path.join(original, 'echo.ts'));
  await writeHandler(
    `v2/${MESSAGE_TYPE}.ts`,
    `import { onEvent } from '../../../lib/handler.ts';
     import echo from '../../original/v2/echo.ts';
     export default onEvent('${MESSAGE_TYPE}', (event, context) => {
       process.send({ run: event.message.message_id });
       return echo.handle(event, context);
     });`,
  );
}

/** A text message, which the project's own handler answers. Its id is that of the message. */
export function messageEvent(chat: string, messageId?: string): PlatformEvent {
  const event = textMessage('Hello');
  event.message.chat_id = chat;
  event.message.message_id = messageId ?? event.message.message_id;
  return {
    id: event.message.message_id,
    text: createSample(MESSAGE_TYPE, { version: '2.0', token: '', event }),
  };
}

/** Messages of as many chats. */
export function messageEvents(count: number): PlatformEvent[] {
  return Array.from({ length: count }, () => messageEvent(`oc_${randomUUID()}`));
}

/** Shortens what would take minutes: the visibility timeout, and the waiting of failed messages (up to 512 s). */
const hurry =
  (workerTimeoutSeconds: number) =>
  ({ operation, body }: ServiceRequest): void => {
    if (operation === 'ReceiveMessage') {
      body.VisibilityTimeout = workerTimeoutSeconds + VISIBILITY_MARGIN_SECONDS;
      // The emulator moves dead letters when it is asked for messages.
      body.WaitTimeSeconds = 1;
    }
    if (operation === 'ChangeMessageVisibility') {
      // Not below the time of a lease, which is what a message may wait for.
      body.VisibilityTimeout = Math.min(Number(body.VisibilityTimeout), WORKER_TIMEOUT_SECONDS);
    }
  };

function clientOptions({ AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY }: Record<string, string>) {
  const credentials = { accessKeyId: AWS_ACCESS_KEY_ID ?? '', secretAccessKey: AWS_SECRET_ACCESS_KEY ?? '' };
  return { region: AWS_REGION ?? '', credentials };
}
