import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { APPROVALS_PATH } from '../approvals/path.ts';
import { readApprovalModules } from '../build/approval-modules.ts';
import { approvalsBundle, connectionBundle, webhookBundle, workerBundle } from '../build/bundle.ts';
import { readLocalSettings } from '../build/local-settings.ts';
import { visibilityTimeoutSeconds } from '../build/worker-timeout.ts';
import { createFunctionEnvironment } from '../cli/environment.ts';
import { type ApiCall, startMockPlatform } from '../mock-platform/start-mock-platform.ts';
import { jsonResponse } from '../webhook/http.ts';
import { WEBHOOK_PATH } from '../webhook/path.ts';
import { debuggingEnvironment, timeoutUnlessDebugging } from './debugging.ts';
import { type Emulators, startEmulators } from './emulators/emulators.ts';
import { EventLog, type EventRecord } from './event-log.ts';
import { type EventSourceMapping, startEventSourceMapping } from './event-source-mapping.ts';
import { BuildReport } from './functions/build-report.ts';
import { createBundleLoader } from './functions/bundle-loader.ts';
import { ConnectionProcess } from './functions/connection-process.ts';
import { createLocalFunction, type LocalFunctionOptions } from './functions/local-function.ts';
import { writePlatformSdk } from './functions/platform-sdk.ts';
import { SourceChanges } from './functions/source-changes.ts';
import { createGateway, EVENTS_PATH } from './gateway.ts';
import { startHttpServer } from './http-server.ts';
import { createInspector } from './inspector/inspector.ts';
import { redriveEvents } from './inspector/redrive-events.ts';
import { retryNow } from './inspector/retry-now.ts';
import type { ScheduledFunction } from './inspector/wire.ts';
import { hasAppCredentials, mockPlatformAccess } from './platform-access.ts';
import { createPublishListener } from './published-messages.ts';
import { Traffic } from './traffic.ts';
import { ScheduledFunctions } from './user-functions/scheduled-functions.ts';

export interface StackOptions {
  /** The project's folder. */
  root: string;
  /**
   * `FEISHU_…`, `LOG_LEVEL` and the user's variables. AWS settings are only for the clients of handlers and functions.
   * May change: call {@link Stack.reloadEnvironment} then.
   */
  environment: Record<string, string>;
  host: string;
  /** 0 for any free port. */
  port: number;
  /** Rebuilds and reloads the functions when a source changes, and also starts if they cannot be built yet. */
  watch: boolean;
  ordering?: 'none' | 'conversation';
  /** Stores the queues and the table for the next stack. They survive a kill. Default: in memory. */
  dataFolder?: string;
  /** Also receives events over the long connection, with the app's credentials. */
  longConnection?: boolean;
  /** Called with each line that the functions write. */
  onLine: (line: string) => void;
  /** Called with each message for the user. */
  onNotice: (text: string) => void;
  /** Called with an event after each attempt. */
  onProcessed?: (record: EventRecord) => void;
  /** Called after each build of a bundle. */
  onBuild?: () => void;
  /** Called for each delivery to the worker. */
  onDelivery?: (record: SQSRecord) => void;
  /** Called for each API call of a handler that goes to the mock platform, because there are no app credentials. */
  onApiCall: (call: ApiCall) => void;
  /** Called when the long connection ends by itself, because the platform rejected the app. */
  onConnectionEnd?: () => void;
}

/** The gateway, the functions, the queue and the table in one process: events are processed end to end. */
export interface Stack {
  /** The URL to POST events to. */
  webhookUrl: string;
  /** The URL of the inspector. */
  pageUrl: string;
  /** The URL of {@link Stack.events} and the rejected requests as JSON. */
  eventsUrl: string;
  queue: Pick<Emulators, 'sqs' | 'queueUrl' | 'deadLetterQueueUrl'>;
  /** Whether the functions could not be built yet. */
  hasFailedBuild: boolean;
  /** Lists the events, oldest first. */
  events(): EventRecord[];
  /** Lists the URLs of the modules in `functions/handlers/approvals`. */
  approvalUrls(): Promise<string[]>;
  /** Lists the functions with a schedule. */
  scheduledFunctions(): Promise<ScheduledFunction[]>;
  /** Applies the changed {@link StackOptions.environment} to the next invocations, and to the long connection. */
  reloadEnvironment(): void;
  /** Stops accepting requests, and waits for the work in flight. */
  stop(): Promise<void>;
}

/** The timeout of the functions that respond to HTTP requests in `deploy/functions.yml`. */
export const WEBHOOK_TIMEOUT_SECONDS = 10;

/**
 * Starts the local stack.
 *
 * @throws if the functions cannot be built and `watch` is false, or the port or the data folder is in use; the message says what to do
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  // Parts stop in the reverse order: the gateway first, the queue last.
  const parts = new AsyncDisposableStack();
  try {
    return await startParts(options, parts);
  } catch (error) {
    // A failure to stop a part must not hide why the stack did not start.
    await parts.disposeAsync().catch(() => {});
    throw error;
  }
}

async function startParts(options: StackOptions, parts: AsyncDisposableStack): Promise<Stack> {
  const settings = await readLocalSettings(options.root);
  const eventLog = new EventLog((record) => inspector.changed(record));
  const visibilitySeconds = timeoutUnlessDebugging(visibilityTimeoutSeconds(settings.workerTimeoutSeconds));
  const emulators = await startEmulators({
    ordering: options.ordering ?? 'none',
    visibilityTimeoutSeconds: visibilitySeconds,
    dataFolder: options.dataFolder,
  });
  parts.defer(() => emulators.stop());
  parts.defer(() => reportUnhandled(emulators, options));
  const mockPlatform = await startMockPlatform({
    onCall: options.onApiCall,
    onNotice: options.onNotice,
    onChange: (message) => inspector.messageChanged(message),
  });
  parts.defer(() => mockPlatform.stop());
  const platformAccess = () => mockPlatformAccess(options.environment, mockPlatform.origin);
  const scheduledFunctions = new ScheduledFunctions({
    ...options,
    environment: () => ({ ...options.environment, ...platformAccess() }),
  });
  const inspector = createInspector({
    ...options,
    eventLog,
    scheduledFunctions,
    webhookUrl: () => `${gateway.origin}${WEBHOOK_PATH}`,
    mockPlatform: () => (hasAppCredentials(options.environment) ? undefined : mockPlatform.platform),
    redrive: (order, signal) => redriveEvents(emulators, order, signal),
    retryNow: (messageId) => retryNow(emulators, eventLog, messageId),
  });
  for (const message of emulators.restored) {
    inspector.delivered(message.record);
    eventLog.restored(message);
  }

  const onPublish = createPublishListener(eventLog, inspector, options);
  const onLine = (line: string) => {
    inspector.line(line);
    options.onLine(line);
  };
  const baseEnvironment = () => ({
    ...createFunctionEnvironment(options.environment),
    ...emulators.templateEnvironment,
    ...debuggingEnvironment(),
    QUEUE_URL: emulators.queueUrl,
    DEAD_LETTER_QUEUE_URL: emulators.deadLetterQueueUrl,
    LARGE_EVENTS_BUCKET: emulators.largeEventsBucket,
  });
  const createFunction = (
    name: string,
    {
      environment,
      templateEnvironment,
      ...limits
    }: Pick<LocalFunctionOptions, 'timeoutSeconds' | 'isBackground'> & {
      environment: Record<string, string>;
      /** Takes precedence over the user's variables. */
      templateEnvironment?: () => Record<string, string>;
    },
  ) => {
    const localFunction = createLocalFunction({
      ...limits,
      name,
      environment: () => ({ ...environment, ...baseEnvironment(), ...templateEnvironment?.() }),
      onLine,
      onPublish,
    });
    parts.defer(() => localFunction.stop());
    return localFunction;
  };
  const webhook = createFunction('webhook', {
    timeoutSeconds: timeoutUnlessDebugging(WEBHOOK_TIMEOUT_SECONDS),
    environment: settings.environment.callbacks,
    ...(settings.callbacksHaveClient && { templateEnvironment: platformAccess }),
  });
  const worker = createFunction('worker', {
    timeoutSeconds: timeoutUnlessDebugging(settings.workerTimeoutSeconds),
    environment: settings.environment.worker,
    templateEnvironment: () => ({
      CLAIMS_TABLE: emulators.claimsTable,
      STATE_TABLE: emulators.stateTable,
      ...platformAccess(),
    }),
    isBackground: true,
  });
  const approvals = createFunction('approvals', {
    timeoutSeconds: timeoutUnlessDebugging(WEBHOOK_TIMEOUT_SECONDS),
    environment: settings.environment.approvals,
  });
  const outdir = await mkdtemp(path.join(tmpdir(), 'feishu-events-'));
  parts.defer(() => rm(outdir, { recursive: true, force: true }));
  await writePlatformSdk(options.root, outdir);

  const traffic = new Traffic();
  let mapping: EventSourceMapping | undefined;
  parts.defer(() => mapping?.stop());
  // Events must not fail because the worker cannot be built yet: they stay in the queue.
  const startMapping = () =>
    startEventSourceMapping({
      ...emulators,
      invoke: (event) => worker.invoke(event),
      pause: () => traffic.pause(),
      async onDelivery(message) {
        const record = await emulators.loadEvent(message);
        inspector.delivered(record);
        eventLog.delivered(record);
        options.onDelivery?.(record);
      },
      onBatchFailure: ({ messageId }, error) => eventLog.failed(messageId, String(error), visibilitySeconds),
    });

  const { root, onNotice } = options;
  const report = new BuildReport({ root, onNotice, onChange: (failure) => inspector.buildChanged(failure) });
  const keepLoaded = createBundleLoader({ ...options, report, changes: new SourceChanges(root) });
  const loadWebhook = () => webhook.load(path.join(outdir, 'webhook.mjs'));
  parts.defer(await keepLoaded(webhookBundle(root, outdir), loadWebhook));
  const loadWorker = () => {
    worker.load(path.join(outdir, 'worker.mjs'));
    mapping ??= startMapping();
  };
  parts.defer(await keepLoaded(workerBundle(root, outdir), loadWorker));

  const listApprovals = () => readApprovalModules(root);
  const loadApprovals = lazily(async () => {
    const stop = await keepLoaded(approvalsBundle(root, outdir), () =>
      approvals.load(path.join(outdir, 'approvals.mjs')),
    );
    parts.defer(stop);
  });
  // Most projects have none. The first may be added while the stack is running.
  if ((await listApprovals()).length > 0) await loadApprovals();

  const handleRequest = createGateway({
    invokeWebhook: async (event) => (webhook.isLoaded ? traffic.during(webhook.invoke(event)) : notBuilt()),
    async findApproval(name) {
      if (!(await listApprovals()).includes(name)) return undefined;
      await loadApprovals();
      return async (event) => (approvals.isLoaded ? approvals.invoke(event) : notBuilt());
    },
    listEvents: () => eventLog.list(),
    inspector,
  });
  const gateway = await startHttpServer(options.host, options.port, handleRequest);
  parts.defer(() => gateway.stop());
  parts.defer(() => inspector.stop());
  parts.defer(() => scheduledFunctions.stop());

  let connection: ConnectionProcess | undefined;
  if (options.longConnection) {
    const longConnection = new ConnectionProcess({
      // The health check is not used locally: any free port.
      environment: () => ({ ...settings.environment.callbacks, ...baseEnvironment(), HEALTH_PORT: '0' }),
      onLine,
      onPublish,
      onExit: () => options.onConnectionEnd?.(),
    });
    parts.defer(() => longConnection.stop());
    const loadConnection = () => longConnection.load(path.join(outdir, 'connection.mjs'));
    parts.defer(await keepLoaded(connectionBundle(root, outdir), loadConnection));
    connection = longConnection;
  }

  return {
    webhookUrl: `${gateway.origin}${WEBHOOK_PATH}`,
    pageUrl: `${gateway.origin}/`,
    eventsUrl: `${gateway.origin}${EVENTS_PATH}`,
    queue: emulators,
    hasFailedBuild: report.failure !== undefined,
    events: () => eventLog.listEvents(),
    approvalUrls: async () => (await listApprovals()).map((name) => `${gateway.origin}${APPROVALS_PATH}${name}`),
    scheduledFunctions: () => scheduledFunctions.list(),
    reloadEnvironment() {
      for (const part of [webhook, worker, approvals, connection]) part?.reload();
    },
    stop: () => parts.disposeAsync(),
  };
}

/** Returns a function that does the work once, or again after it has failed. */
function lazily(work: () => Promise<void>): () => Promise<void> {
  let working: Promise<void> | undefined;
  return () => {
    working ??= work().catch((error) => {
      working = undefined;
      throw error;
    });
    return working;
  };
}

/** The platform sends the event again. */
function notBuilt() {
  return jsonResponse(503, { message: 'The functions cannot be built. The terminal of npm start shows the error.' });
}

/** Reports how many events are still in the queue. */
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
      ? `${count} event(s) were still queued and are lost, because the queue was in memory.`
      : `${count} event(s) are still queued. They are stored in ${dataFolder} for the next start.`,
  );
}
