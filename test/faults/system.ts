import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { build } from 'esbuild';
import { connectionBundle, platformSdkBundle, webhookBundle, workerBundle } from '../../lib/build/bundle.ts';
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

/** Includes the 2 s that the worker reserves for its report. A lease lasts as long. */
const WORKER_TIMEOUT_SECONDS = 4;
/** How much longer the visibility timeout is than a lease, which is exact to 2 s. The deployment adds 300 s. */
const VISIBILITY_MARGIN_SECONDS = 3;
const WEBHOOK_CONCURRENCY = 100;
/** Maximum number of concurrent pushes in these tests. */
export const PUSHES_IN_FLIGHT = 50;

const ENCRYPT_KEY = 'an encrypt key';
const MESSAGE_TYPE = 'im.message.receive_v1';
const APP_ID = 'cli_a1b2c3d4e5f6g7h8';

export interface SystemOptions {
  /** Default: 4. Longer if no worker may time out, however slow the machine is. */
  workerTimeoutSeconds?: number;
  ordering?: EmulatorOptions['ordering'];
  longConnection?: boolean;
  /** Clock offset of each worker process in order of start; repeats from the first. */
  workerClockShiftsMilliseconds?: readonly number[];
  webhookClockShiftMilliseconds?: number;
}

/** The system end to end, from the platform to the handler's effect. Every part can fail. */
export interface System extends AsyncDisposable {
  platform: MockPlatform;
  clock: FakeClock;
  /** Faults of the requests to SQS and DynamoDB. */
  faults: FaultRules;
  /** Between SQS and both the functions and the event source mapping. */
  sqs: FaultyProxy;
  /** Between the worker and DynamoDB. */
  dynamo: FaultyProxy;
  worker: FunctionProcesses;
  webhook: FunctionProcesses;
  api: SendApi;
  emulators: EmulatorProcess['emulators'];
  /** Clients that bypass the proxies. */
  clients: { sqs: SQSClient; dynamo: DynamoDBClient };
  /** Number of handler runs, by message. */
  runs: Map<string, number>;
  /** Messages whose handler started after the event was completed. */
  ranAgain: string[];
  /** Number of deliveries to the worker, by queue message. */
  delivered: Map<string, number>;
  /** Advances the platform's clock until no push or retry is left. */
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
    build(webhookBundle(project.root, outdir)),
    build(workerBundle(project.root, outdir)),
    build(connectionBundle(project.root, outdir)),
    // Built from this project, which has the packages installed.
    build(platformSdkBundle(PROJECT_ROOT, outdir, { isWhole: false })),
  ]);
  const runs = new Map<string, number>();
  const ranAgain: string[] = [];
  const completed = new Set<string>();
  /** Idempotency record ids, by message. */
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
  const respond = createGateway({ invokeWebhook: (event) => webhook.invoke(event), listEvents: () => [] });
  const gateway = await startHttpServer('127.0.0.1', 0, respond);
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
      // The clock stops while a response is pending, so that a slow machine causes no timeout.
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

/** Sent by the worker's handler when it starts: the id of the message. */
interface Run {
  run: string;
}

/** Makes the project's handler report when it starts. */
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

/** Creates a text message, which the project's handler replies to. The event's id is the message's id. */
export function messageEvent(chat: string, messageId?: string): PlatformEvent {
  const event = textMessage('Hello');
  event.message.chat_id = chat;
  event.message.message_id = messageId ?? event.message.message_id;
  return {
    id: event.message.message_id,
    text: createSample(MESSAGE_TYPE, { version: '2.0', token: '', event }),
  };
}

/** Creates messages, each in its own chat. */
export function messageEvents(count: number): PlatformEvent[] {
  return Array.from({ length: count }, () => messageEvent(`oc_${randomUUID()}`));
}

/** Shortens the visibility timeout and the retry delays (up to 512 s). */
const hurry =
  (workerTimeoutSeconds: number) =>
  ({ operation, body }: ServiceRequest): void => {
    if (operation === 'ReceiveMessage') {
      body.VisibilityTimeout = workerTimeoutSeconds + VISIBILITY_MARGIN_SECONDS;
      // The emulator moves dead letters only on ReceiveMessage.
      body.WaitTimeSeconds = 1;
    }
    if (operation === 'ChangeMessageVisibility') {
      // Not shorter than a lease, which the message may have to wait for.
      body.VisibilityTimeout = Math.min(Number(body.VisibilityTimeout), WORKER_TIMEOUT_SECONDS);
    }
  };

function clientOptions({ AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY }: Record<string, string>) {
  const credentials = { accessKeyId: AWS_ACCESS_KEY_ID ?? '', secretAccessKey: AWS_SECRET_ACCESS_KEY ?? '' };
  return { region: AWS_REGION ?? '', credentials };
}
