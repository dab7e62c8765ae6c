import { type Environment, readRequired } from '../config.ts';
import { type EventEnvelope, parseEnvelope } from '../feishu/envelope.ts';
import { FeishuError } from '../feishu/errors.ts';
import type { Receive } from '../feishu/long-connection/deliveries.ts';
import { countOnlineConnections } from '../feishu/long-connection/online-connections.ts';
import { type LongConnection, maintainLongConnection } from '../feishu/long-connection/reconnector.ts';
import { TIMING } from '../feishu/long-connection/timing.ts';
import { callbackTypesOf } from '../handler-runtime/callback-types.ts';
import type { ImportModule } from '../handler-runtime/find-handler.ts';
import { CALLBACK_MODULES } from '../handler-runtime/handler-modules.ts';
import { createCallbackResponder } from '../intake/callbacks.ts';
import { createQueue } from '../intake/event-queue.ts';
import { createIntake, type Intake } from '../intake/intake.ts';
import { createBatchingSend } from '../intake/message-batches.ts';
import { createSqsSender, type SqsSender } from '../intake/sqs-sender.ts';
import { createUnreadableIntake } from '../intake/unreadable-events.ts';
import { errorFields } from '../observability/error-fields.ts';
import { createLog } from '../observability/log.ts';
import { limitUnlessDebugging, rejectOnAbort, startDeadline } from '../util/deadline.ts';
import { readConnectionCredentials } from './credentials.ts';
import { HEALTH_PORT, startHealthServer } from './health-server.ts';
import { ConnectionMetrics } from './metrics.ts';
import { pollOnlineConnections } from './poll-online-connections.ts';

/** The long connection must not wait longer than this. */
const CONNECT_TO_QUEUE_WITHIN_MS = 1000;

/**
 * Maintains the long connection and passes its events to the intake.
 *
 * @param importCallback imports a module of `functions/handlers/callbacks`
 * @param stop when it aborts, new events are rejected, those in flight are acknowledged, and the connection closes
 * @returns the program's exit code: 0 if it was stopped, 1 if the platform rejected the app or the configuration is
 *   invalid
 */
export async function runConnection(
  importCallback: ImportModule,
  stop: AbortSignal,
  environment: Environment = process.env,
): Promise<0 | 1> {
  const log = createLog(environment.LOG_LEVEL, { service: environment.POWERTOOLS_SERVICE_NAME ?? 'feishu-events' });
  try {
    const queueUrl = readRequired(environment, 'QUEUE_URL');
    const sender = createSqsSender();
    const intake = createIntake({
      queue: createQueue(queueUrl, environment, { ...sender, send: createBatchingSend(sender) }),
      respondToCallback: createCallbackResponder(importCallback, environment),
      createLog: (fields) => createLog(environment.LOG_LEVEL, fields),
    });
    const receive = createReceiver(
      intake,
      createUnreadableIntake(environment, sender),
      callbackTypesOf(CALLBACK_MODULES),
    );
    const metrics = new ConnectionMetrics(environment.POWERTOOLS_SERVICE_NAME);
    const credentials = readConnectionCredentials(environment);
    let connection: LongConnection | undefined;
    // Started before the connection, so that no event has arrived if the port is in use.
    const port = Number(environment.HEALTH_PORT ?? HEALTH_PORT);
    await using _health = await startHealthServer(() => connection?.status(), port);
    await connectToQueue(sender, queueUrl);
    connection = maintainLongConnection({
      ...credentials,
      receive,
      acknowledged: (milliseconds) => metrics.acknowledged(milliseconds),
      opened: () => metrics.opened(),
      timing: { acknowledgeWithinMs: limitUnlessDebugging(TIMING.acknowledgeWithinMs) },
      log,
      signal: stop,
    });
    using _metrics = metrics.observe(connection);
    const { domain, appId, appSecret } = credentials;
    // The API call needs the secret even if the app logs in without it.
    using _polling =
      appSecret === ''
        ? undefined
        : pollOnlineConnections(
            () => countOnlineConnections(domain, appId, appSecret),
            (connections) => metrics.counted(connections),
            log,
          );
    await connection.ended;
    return 0;
  } catch (error) {
    log.error('The long connection has ended', errorFields(error));
    return 1;
  }
}

/** Reads the credentials for SQS and connects to it, so that the first event waits for neither. */
async function connectToQueue(sender: SqsSender, queueUrl: string): Promise<void> {
  using deadline = startDeadline(CONNECT_TO_QUEUE_WITHIN_MS);
  const { signal } = deadline;
  try {
    await rejectOnAbort(signal, sender.rehearse({ QueueUrl: queueUrl, MessageBody: '' }, signal));
    await rejectOnAbort(signal, sender.connected());
  } catch {
    // The first event reports it.
  }
}

function createReceiver(
  intake: Intake,
  storeUnreadable: ReturnType<typeof createUnreadableIntake>,
  callbackTypes: ReadonlySet<string>,
): Receive {
  return async (text) => {
    const received = { text, source: 'long-connection', receivedAt: Date.now(), requestId: undefined } as const;
    let envelope: EventEnvelope;
    try {
      envelope = parseEvent(text, callbackTypes);
    } catch (error) {
      if (!(error instanceof FeishuError)) throw error;
      // Every event of the connection is from the platform.
      await storeUnreadable({ ...received, problem: error });
      return undefined;
    }
    return intake({ ...received, envelope });
  };
}

function parseEvent(text: string, callbackTypes: ReadonlySet<string>): EventEnvelope {
  const envelope = parseEnvelope(text, callbackTypes);
  if (envelope.kind !== 'url-verification') return envelope;
  throw new FeishuError('FEISHU_ENVELOPE_UNKNOWN', 'Received a URL verification over the long connection.');
}
