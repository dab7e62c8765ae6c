import { Console } from 'node:console';
import { Writable } from 'node:stream';
import type { Context, SQSRecord } from 'aws-lambda';
import { primeClient } from '../api-client/prime-client.ts';
import type { Environment } from '../config.ts';
import { type EventEnvelope, parseEnvelope } from '../feishu/envelope.ts';
import type { EventHandler } from '../handler.ts';
import { encodeMessage } from '../queue/message.ts';
import { toSqsRecord } from '../queue/sqs-record.ts';
import { createRehearsableClients, type WorkerClients } from './aws-clients.ts';
import { USES_CLIENT } from './client-use.ts';
import type { EventModules } from './dispatch.ts';
import { createWorkerTelemetry } from './telemetry.ts';
import { createWorker } from './worker.ts';

const HANDLED = 'rehearsal.handled_v1';
const FAILED = 'rehearsal.failed_v1';

/** The rehearsal waits for no service, so it takes a fraction of this. */
const REHEARSE_WITHIN_MILLISECONDS = 3000;

/**
 * Creates the worker in the init phase and prepares its first batch: Lambda gives the init phase a full vCPU, but an
 * invocation with 512 MB only 29% of one.
 *
 * @param usesClient whether a handler may use the `feishu` client
 * @throws {FeishuError} `FEISHU_MISCONFIGURED` if the environment is invalid
 */
export async function createPrimedWorker(
  modules: EventModules,
  environment: Environment = process.env,
  usesClient = USES_CLIENT,
) {
  const { clients, rehearsalClients, connected } = createRehearsableClients();
  await rehearse(rehearsalClients, environment).catch(() => {
    // The first batch reports what is wrong.
  });
  await connected();
  // Over this connection.
  if (usesClient) await primeClient(environment, clients.dynamo);
  return createWorker(modules, environment, clients);
}

/**
 * Runs a batch through the worker. The handler of one event succeeds. The other event was delivered before, runs in
 * isolation and fails, so that the worker reads records, deletes a message and postpones another. Nothing becomes visible:
 * the requests do not leave the process, and log lines, metrics and outcomes are discarded.
 */
async function rehearse(clients: WorkerClients, environment: Environment): Promise<void> {
  const discard = new Writable({ write: (_chunk, _encoding, done) => done() });
  const telemetry = createWorkerTelemetry(environment, { console: new Console(discard), publish() {} });
  const worker = createWorker(REHEARSAL_MODULES, environment, clients, telemetry);
  const end = performance.now() + REHEARSE_WITHIN_MILLISECONDS;
  const context = { getRemainingTimeInMillis: () => end - performance.now() } as Context;
  await worker({ Records: [createRecord(HANDLED, 1), createRecord(FAILED, 2)] }, context);
}

const HANDLERS: Record<string, EventHandler> = {
  [HANDLED]: { kind: 'v2', type: HANDLED, handle() {} },
  [FAILED]: {
    kind: 'v2',
    type: FAILED,
    handle() {
      throw new Error('rehearsal');
    },
  },
};

const REHEARSAL_MODULES: EventModules = {
  v2: async (type) => ({ default: HANDLERS[type] }),
  v1: async () => ({}),
  fallback: async () => ({}),
};

function createRecord(type: string, deliveries: number): SQSRecord {
  const header = { event_id: type, event_type: type, tenant_key: '', app_id: '' };
  const text = JSON.stringify({ schema: '2.0', header, event: { message: { chat_id: type } } });
  const event = { text, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
  const message = encodeMessage('', parseEnvelope(text) as EventEnvelope, event);
  const attributes = { ApproximateReceiveCount: `${deliveries}`, MessageGroupId: type };
  return toSqsRecord(
    {
      MessageId: type,
      ReceiptHandle: type,
      Body: message.MessageBody,
      MessageAttributes: message.MessageAttributes,
      Attributes: attributes as never,
    },
    '',
  );
}
