import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Context } from 'aws-lambda';
import { onEvent, onUnhandledEvent } from '../../lib/handler.ts';
import { startEventSourceMapping } from '../../lib/local/event-source-mapping.ts';
import { createGateway } from '../../lib/local/gateway.ts';
import { startHttpServer } from '../../lib/local/http-server.ts';
import { WEBHOOK_PATH } from '../../lib/webhook/path.ts';
import { createWebhook } from '../../lib/webhook/webhook.ts';
import { createWorker } from '../../lib/worker/worker.ts';

export interface RunningFunctions {
  /** `http://host:port`, the value of the stack's output `HttpApiUrl`. */
  origin: string;
  url: string;
  /** The events that the handlers received. The doctor's test event must not be among them. */
  handled: object[];
  stop(): Promise<void>;
}

export interface FunctionsOptions {
  sqs: SQSClient;
  queueUrl: string;
  queueArn: string;
  /** For both functions. */
  environment: Record<string, string>;
  /** Whether the worker receives messages. Default: true. */
  isWorking?: boolean;
  /** Called before each batch. */
  onBatch?: () => void;
}

/** Starts the webhook behind a gateway, and the worker behind the queue, in this process. */
export async function startFunctions(options: FunctionsOptions): Promise<RunningFunctions> {
  const { sqs, queueUrl, queueArn, environment, isWorking = true, onBatch = () => {} } = options;
  const handled: object[] = [];
  const handle = (event: object) => handled.push(event);
  const none = () => {
    throw new Error('no such module');
  };
  const webhook = createWebhook(none, environment);
  const worker = createWorker(
    {
      v2: async (type) => ({ default: onEvent(type as never, handle) }),
      v1: none,
      fallback: async () => ({ default: onUnhandledEvent(handle) }),
    },
    environment,
  );
  const context = { getRemainingTimeInMillis: () => 60_000 } as Context;
  const gateway = await startHttpServer(
    '127.0.0.1',
    0,
    createGateway({ invokeWebhook: (event) => webhook(event), listEvents: () => [] }),
  );
  const mapping = isWorking
    ? startEventSourceMapping({
        ...{ sqs, queueUrl, queueArn },
        async invoke(event) {
          onBatch();
          return worker(event, context);
        },
        onDelivery() {},
        onBatchFailure() {},
      })
    : undefined;
  return {
    origin: gateway.origin,
    url: `${gateway.origin}${WEBHOOK_PATH}`,
    handled,
    async stop() {
      await gateway.stop();
      await mapping?.stop();
    },
  };
}
