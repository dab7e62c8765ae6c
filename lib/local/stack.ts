import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { build } from 'esbuild';
import { connectionBundle, platformSdkBundle, webhookBundle, workerBundle } from '../build/bundle.ts';
import { createFunctionEnvironment } from '../cli/environment.ts';
import { type Accepted, acceptedChannel, type Processed } from '../observability/diagnostics-channels.ts';
import { WEBHOOK_PATH } from '../webhook/path.ts';
import { debuggingEnvironment, isDebugging, timeoutUnlessDebugging } from './debugging.ts';
import { type Emulators, startEmulators } from './emulators/emulators.ts';
import { EventLog, type EventRecord } from './event-log.ts';
import { startEventSourceMapping } from './event-source-mapping.ts';
import { type BuilderOptions, startBuilder } from './functions/builder.ts';
import { ConnectionProcess } from './functions/connection-process.ts';
import { createLocalFunction, type LocalFunctionOptions } from './functions/local-function.ts';
import { createGateway, EVENTS_PATH } from './gateway.ts';
import { startHttpServer } from './http-server.ts';
import { createInspector } from './inspector/inspector.ts';
import { redriveEvents } from './inspector/redrive-events.ts';
import { type ApiCall, createMockPlatform } from './mock-platform.ts';
import { Traffic } from './traffic.ts';

export interface StackOptions {
  /** The project's folder. */
  root: string;
  /** `FEISHU_…`, `LOG_LEVEL` and what the handlers read. AWS settings in it do not reach the functions. */
  environment: Record<string, string>;
  host: string;
  /** 0: any free one. */
  port: number;
  /** Builds and loads the functions again when a source changes. */
  watch: boolean;
  ordering?: 'none' | 'conversation';
  /**
   * Keeps events and claims in this folder, for the next stack too, also when this one is killed. Without it they are in
   * memory.
   */
  dataFolder?: string;
  /** Receives events over the long connection too, with the app's credentials. */
  longConnection?: boolean;
  /** Takes each line that the functions write, as they write it. */
  onLine: (line: string) => void;
  /** Takes what a person should know. */
  onNotice: (text: string) => void;
  /** Told of each delivery to the worker. */
  onDelivery?: (record: SQSRecord) => void;
  /** Told of each call to the platform that is not made, because there are no app credentials. */
  onApiCall: (call: ApiCall) => void;
  /** Called when the long connection has ended by itself: the platform has refused the app. */
  onConnectionEnd?: () => void;
}

/** The whole way of an event in one process: gateway, functions, queue, claims. */
export interface Stack {
  /** Where to POST events. */
  webhookUrl: string;
  /** Where a person sees them. */
  pageUrl: string;
  /** Where {@link Stack.events} are as JSON. */
  eventsUrl: string;
  queue: Pick<Emulators, 'sqs' | 'queueUrl' | 'deadLetterQueueUrl'>;
  /** From the oldest to the newest. */
  events(): EventRecord[];
  /** Takes no more requests, and ends once what is under way has ended. */
  stop(): Promise<void>;
}

/** As `serverless.yml` has them. */
export const WEBHOOK_TIMEOUT_SECONDS = 10;
export const WORKER_TIMEOUT_SECONDS = 60;
export const VISIBILITY_TIMEOUT_SECONDS = 6 * WORKER_TIMEOUT_SECONDS;

/** @throws when the functions cannot be built, or the port or the data folder is taken; the message says what to do */
export async function startStack(options: StackOptions): Promise<Stack> {
  // Parts end in the reverse of the order they start in: the gateway first, the queue last.
  await using parts = new AsyncDisposableStack();
  const eventLog = new EventLog((record) => inspector.changed(record));
  const emulators = await startEmulators({
    ordering: options.ordering ?? 'none',
    visibilityTimeoutSeconds: timeoutUnlessDebugging(VISIBILITY_TIMEOUT_SECONDS),
    dataFolder: options.dataFolder,
  });
  parts.defer(() => emulators.stop());
  parts.defer(() => reportUnhandled(emulators, options));
  const inspector = createInspector({
    ...options,
    eventLog,
    webhookUrl: () => `${gateway.origin}${WEBHOOK_PATH}`,
    redrive: (order, signal) => redriveEvents(emulators, order, signal),
  });
  for (const message of emulators.kept) {
    inspector.delivered(message.record);
    eventLog.kept(message);
  }
  const standIn = await startHttpServer('127.0.0.1', 0, createMockPlatform(options.onApiCall));
  parts.defer(() => standIn.stop());

  const onObservation = (channel: string, message: unknown) => {
    if (channel !== acceptedChannel.name) {
      eventLog.settled(message as Processed);
      return;
    }
    inspector.accepted(message as Accepted);
    eventLog.accepted(message as Accepted);
  };
  const onLine = (line: string) => {
    inspector.line(line);
    options.onLine(line);
  };
  const baseEnvironment = {
    ...createFunctionEnvironment(options.environment, emulators.environment),
    ...debuggingEnvironment(),
    QUEUE_URL: emulators.queueUrl,
  };
  const createFunction = (
    name: string,
    { environment, ...limits }: Pick<LocalFunctionOptions, 'environment' | 'timeoutSeconds' | 'isBackground'>,
  ) => {
    const localFunction = createLocalFunction({
      ...limits,
      name,
      environment: { ...baseEnvironment, ...environment },
      onLine,
      onObservation,
    });
    parts.defer(() => localFunction.stop());
    return localFunction;
  };
  const webhook = createFunction('webhook', {
    timeoutSeconds: timeoutUnlessDebugging(WEBHOOK_TIMEOUT_SECONDS),
    environment: {},
  });
  const worker = createFunction('worker', {
    timeoutSeconds: timeoutUnlessDebugging(WORKER_TIMEOUT_SECONDS),
    environment: { CLAIMS_TABLE: emulators.claimsTable, ...platformAccess(options.environment, standIn.origin) },
    isBackground: true,
  });
  const outdir = await mkdtemp(path.join(tmpdir(), 'feishu-events-'));
  parts.defer(() => rm(outdir, { recursive: true, force: true }));
  await build(platformSdkBundle(options.root, outdir));
  const loadWebhook = () => webhook.load(path.join(outdir, 'webhook.mjs'));
  const keepLoaded = createLoader(options);
  parts.defer(await keepLoaded(webhookBundle(options.root, outdir), loadWebhook));
  const loadWorker = () => worker.load(path.join(outdir, 'worker.mjs'));
  // A change of a handler, callbacks included, always builds the worker, which checks them all.
  const announceReload = () => options.onNotice('The sources have changed: the functions are loaded again.');
  parts.defer(await keepLoaded(workerBundle(options.root, outdir), loadWorker, announceReload));

  const traffic = new Traffic();
  const mapping = startEventSourceMapping({
    ...emulators,
    invoke: (event) => worker.invoke(event),
    pause: () => traffic.pause(),
    onDelivery(record) {
      inspector.delivered(record);
      eventLog.delivered(record);
      options.onDelivery?.(record);
    },
    onBatchFailure: ({ messageId }, error) => eventLog.failed(messageId, String(error)),
  });
  parts.defer(() => mapping.stop());
  const listEvents = () => eventLog.list();
  const answer = createGateway({
    invokeWebhook: (event) => traffic.during(webhook.invoke(event)),
    listEvents,
    inspector,
  });
  const gateway = await startHttpServer(options.host, options.port, answer);
  parts.defer(() => gateway.stop());
  parts.defer(() => inspector.stop());

  if (options.longConnection) {
    const connection = new ConnectionProcess({
      // Nobody asks for its health here.
      environment: { ...baseEnvironment, HEALTH_PORT: '0' },
      onLine,
      onObservation,
      onEnd: () => options.onConnectionEnd?.(),
    });
    parts.defer(() => connection.stop());
    const loadConnection = () => connection.load(path.join(outdir, 'connection.mjs'));
    parts.defer(await keepLoaded(connectionBundle(options.root, outdir), loadConnection));
  }

  const running = parts.move();
  return {
    webhookUrl: `${gateway.origin}${WEBHOOK_PATH}`,
    pageUrl: `${gateway.origin}/`,
    eventsUrl: `${gateway.origin}${EVENTS_PATH}`,
    queue: emulators,
    events: listEvents,
    stop: () => running.disposeAsync(),
  };
}

/**
 * Returns a function that builds a bundle and loads it, now and after each change, until the function that it returns is
 * called. A change that breaks several bundles is reported once.
 */
function createLoader({ watch, onNotice }: StackOptions) {
  const failures = new Set<string>();
  return (bundle: BuilderOptions['bundle'], load: () => void, onReloaded = () => {}) => {
    let isReload = false;
    let failure = '';
    return startBuilder({
      // A debugger shows variables by their names.
      bundle: { ...bundle, minify: !isDebugging() },
      watch,
      onBuilt() {
        failures.delete(failure);
        load();
        if (isReload) onReloaded();
        isReload = true;
      },
      onWarning: onNotice,
      onFailure(text) {
        failures.delete(failure);
        failure = text;
        if (failures.has(text)) return;
        failures.add(text);
        onNotice(`The sources have changed, but the functions stay as they were:\n${text}`);
      },
    });
  };
}

/** Without credentials of an app, the official SDK's client talks to the stand-in. */
function platformAccess(environment: Record<string, string>, standInOrigin: string): Record<string, string> {
  if (environment.FEISHU_APP_ID && environment.FEISHU_APP_SECRET) return {};
  // A ticket never comes from the stand-in.
  const selfBuiltApp = { FEISHU_APP_ID: 'cli_local', FEISHU_APP_SECRET: 'local', FEISHU_APP_TYPE: 'self' };
  return { ...selfBuiltApp, FEISHU_DOMAIN: standInOrigin };
}

/** Says what the queue still holds. */
async function reportUnhandled({ sqs, queueUrl }: Emulators, { dataFolder, onNotice }: StackOptions): Promise<void> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  );
  const count = Object.values(Attributes).reduce((sum, value) => sum + Number(value), 0);
  if (count === 0) return;
  onNotice(
    dataFolder === undefined
      ? `${count} event(s) were still queued; this queue is in memory, so they are gone.`
      : `${count} event(s) are still queued, and wait in ${dataFolder} for the next start.`,
  );
}
