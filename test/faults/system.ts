import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { build } from 'esbuild';
import { connectionBundle, lambdaBundle, platformSdkBundle } from '../../lib/deploy/bundle.ts';
import type { EmulatorOptions } from '../../lib/local/emulators.ts';
import { startEventSourceMapping } from '../../lib/local/event-source-mapping.ts';
import { createGateway, WEBHOOK_PATH } from '../../lib/local/gateway.ts';
import { startHttpServer } from '../../lib/local/http-server.ts';
import { VISIBILITY_TIMEOUT_SECONDS, WEBHOOK_TIMEOUT_SECONDS } from '../../lib/local/stack.ts';
import { createSample, textMessage } from '../../lib/tools/samples.ts';
import { FakeClock } from '../fake-platform/clock.ts';
import type { Delivery, PlatformEvent, PushOptions } from '../fake-platform/deliveries.ts';
import { FakePlatform } from '../fake-platform/platform.ts';
import { type EmulatorProcess, startEmulatorProcess } from '../support/emulator-process.ts';
import { PROJECT_ROOT } from '../support/project.ts';
import { start } from '../support/run.ts';
import { FaultyProxy, type ServiceRequest } from './faulty-proxy.ts';
import { FunctionProcesses } from './function-process.ts';
import { SendApi } from './send-api.ts';

/** What the queue is told to wait for passes so many times faster: 360 s of visibility timeout become 6 s. */
const TIME_SCALE = 60;
/** What the worker needs to report, 2 s, is in it; so this is not scaled as much. It is below the visibility timeout. */
const WORKER_TIMEOUT_MILLISECONDS = 4000;
const WEBHOOK_CONCURRENCY = 100;

const ENCRYPT_KEY = 'an encrypt key';
const APP_ID = 'cli_a1b2c3d4e5f6g7h8';

export interface SystemOptions {
  ordering?: EmulatorOptions['ordering'];
  longConnection?: boolean;
  /** How wrong the functions' clocks are. */
  workerClockShiftMilliseconds?: number;
  webhookClockShiftMilliseconds?: number;
}

/** The whole way of an event, from the platform to the effect of its handler, in which every part can fail. */
export interface System extends AsyncDisposable {
  platform: FakePlatform;
  clock: FakeClock;
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
  /** Deliveries to the worker, by queue message. */
  delivered: Map<string, number>;
  push(event: PlatformEvent, options?: PushOptions): Delivery;
  pushByLongConnection(event: PlatformEvent, options?: PushOptions): Delivery;
}

export async function startSystem(options: SystemOptions = {}): Promise<System> {
  await using parts = new AsyncDisposableStack();
  const { ordering = 'none' } = options;
  const { emulators } = parts.use(await startEmulatorProcess(ordering));
  const { AWS_ENDPOINT_URL_SQS = '', AWS_ENDPOINT_URL_DYNAMODB = '' } = emulators.environment;
  const sqs = await FaultyProxy.start({ target: AWS_ENDPOINT_URL_SQS, rewrite: hurry });
  parts.defer(() => sqs.stop());
  const dynamo = await FaultyProxy.start({ target: AWS_ENDPOINT_URL_DYNAMODB });
  parts.defer(() => dynamo.stop());
  const api = await SendApi.start();
  parts.defer(() => api.stop());
  const clock = new FakeClock();
  const platform = await FakePlatform.start(clock);
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
  await Promise.all(
    [lambdaBundle, connectionBundle, platformSdkBundle].map((bundle) => build(bundle(PROJECT_ROOT, outdir))),
  );
  const startFunction = (name: string, timeoutMilliseconds: number, concurrency: number, shift = 0) => {
    const processes = new FunctionProcesses({
      bundle: path.join(outdir, `${name}.mjs`),
      environment: { ...environment, FEISHU_DOMAIN: api.domain, CLOCK_SHIFT_MILLISECONDS: `${shift}` },
      timeoutMilliseconds,
      concurrency,
    });
    parts.defer(() => processes.stop());
    return processes;
  };
  const worker = startFunction('worker', WORKER_TIMEOUT_MILLISECONDS, 1, options.workerClockShiftMilliseconds);
  const webhook = startFunction(
    'webhook',
    WEBHOOK_TIMEOUT_SECONDS * 1000,
    WEBHOOK_CONCURRENCY,
    options.webhookClockShiftMilliseconds,
  );

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
    onDelivery: ({ messageId }) => delivered.set(messageId, (delivered.get(messageId) ?? 0) + 1),
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
    while (platform.gateway.open.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  const running = parts.move();
  const target = { url: `${gateway.origin}${WEBHOOK_PATH}`, encryptKey: ENCRYPT_KEY };
  return {
    platform,
    clock,
    sqs,
    dynamo,
    worker,
    webhook,
    api,
    emulators,
    clients,
    delivered,
    push: (event, pushOptions) => platform.pushByWebhook(event, target, pushOptions),
    pushByLongConnection: (event, pushOptions) => platform.push(event, {}, pushOptions),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** A text message, which the project's own handler answers. Its id is that of the message. */
export function messageEvent(chat: string): PlatformEvent {
  const event = textMessage('Hello');
  event.message.chat_id = chat;
  return {
    id: event.message.message_id,
    text: createSample('im.message.receive_v1', { version: '2.0', token: '', event }),
  };
}

/** Lets the queue's time pass faster. The emulator takes fractions of a second, which SQS does not. */
function hurry({ operation, body }: ServiceRequest): void {
  if (operation === 'ReceiveMessage') body.VisibilityTimeout = VISIBILITY_TIMEOUT_SECONDS / TIME_SCALE;
  if (operation === 'ChangeMessageVisibility') body.VisibilityTimeout = Number(body.VisibilityTimeout) / TIME_SCALE;
}

function clientOptions({ AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY }: Record<string, string>) {
  const credentials = { accessKeyId: AWS_ACCESS_KEY_ID ?? '', secretAccessKey: AWS_SECRET_ACCESS_KEY ?? '' };
  return { region: AWS_REGION ?? '', credentials };
}
