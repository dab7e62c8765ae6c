import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Context } from 'aws-lambda';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { parseEnvelope } from '../../lib/feishu/envelope.ts';
import { onEvent } from '../../lib/handler.ts';
import { createQueue } from '../../lib/intake/event-queue.ts';
import { processedChannel } from '../../lib/observability/diagnostics-channels.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { AwsRequestHandler } from '../../lib/util/aws-request-handler.ts';
import { createPrimedWorker } from '../../lib/worker/primed-worker.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { modulesOf } from '../support/handler-modules.ts';
import { PlatformApi } from '../support/platform-api.ts';
import { wait } from '../support/wait.ts';
import { writtenLines } from '../support/written-output.ts';

const context = { getRemainingTimeInMillis: () => 60_000 } as Context;
const TYPE = 'im.message.receive_v1';

/** Counts the connections to a service, and what is sent over them. */
interface Forwarder {
  origin: string;
  connections: Socket[];
  sent: string;
}

async function listen(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

async function forwardTo(origin: string | undefined): Promise<Forwarder> {
  const target = new URL(origin ?? '');
  const forwarder: Forwarder = { origin: '', connections: [], sent: '' };
  const server = createServer((socket) => {
    forwarder.connections.push(socket);
    const service = connect(Number(target.port), target.hostname);
    socket.on('error', () => {}).on('close', () => service.destroy());
    service.on('error', () => {}).on('close', () => socket.destroy());
    socket.on('data', (data) => {
      forwarder.sent += data.toString();
    });
    socket.pipe(service).pipe(socket);
  });
  forwarder.origin = `http://127.0.0.1:${await listen(server)}`;
  onTestFinished(() => {
    for (const socket of forwarder.connections) socket.destroy();
    server.close();
  });
  return forwarder;
}

describe('The init phase of the worker', () => {
  const aws = emulatedAws();
  let dynamo: Forwarder;
  let sqs: Forwarder;
  let handled: string[];

  beforeEach(async () => {
    handled = [];
    dynamo = await forwardTo(process.env.AWS_ENDPOINT_URL_DYNAMODB);
    sqs = await forwardTo(new URL(aws.emulators.queueUrl).origin);
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', dynamo.origin);
    vi.stubEnv('AWS_ENDPOINT_URL_SQS', sqs.origin);
    // A connection may take longer than the limit on a busy machine.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
      vi.unstubAllEnvs();
    });
  });

  const environment = () => {
    const QUEUE_URL = `${sqs.origin}${new URL(aws.emulators.queueUrl).pathname}`;
    return { ...aws.environment, QUEUE_URL };
  };
  const startWorker = (variables = {}, usesClient = false) => {
    const handler = onEvent(TYPE, (_event, { header }) => {
      handled.push(`${header.id}`);
      if (handled.length > 1) throw new Error('the second event fails');
    });
    return createPrimedWorker(
      { v2: modulesOf({ [TYPE]: handler }), v1: modulesOf({}), fallback: modulesOf({}) },
      { ...environment(), ...variables },
      usesClient,
    );
  };
  const receiveEvent = async () => {
    const text = createSample(TYPE, { version: '2.0', token: '' });
    const envelope = parseEnvelope(text);
    if (envelope.kind === 'url-verification') throw new Error('not an event');
    const event = { text, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
    await createQueue(aws.emulators.queueUrl).send(envelope, event, new AbortController().signal);
    // On a busy machine, the failed event of an earlier test may have returned.
    return (await aws.receive()).filter(({ body }) => body.includes(String(envelope.header.id)));
  };

  it('connects to DynamoDB and SQS without a request, a line, a metric or an outcome', async () => {
    const published: unknown[] = [];
    const publish = (message: unknown) => void published.push(message);
    subscribe(processedChannel.name, publish);
    onTestFinished(() => void unsubscribe(processedChannel.name, publish));
    await startWorker();
    await vi.waitFor(
      () => expect([dynamo.connections, sqs.connections].map(({ length }) => length)).toEqual([1, 1]),
      wait,
    );
    const visible = { sent: dynamo.sent + sqs.sent, handled, published, lines: writtenLines() };
    expect(visible).toEqual({ sent: '', handled: [], published: [], lines: [] });
  });

  it('runs the code of every request of a batch', async () => {
    const handle = vi.spyOn(AwsRequestHandler.prototype, 'handle');
    onTestFinished(() => handle.mockRestore());
    await startWorker();
    const operations = handle.mock.calls.map(([{ headers }]) => headers['x-amz-target']?.split('.')[1]);
    expect([...new Set(operations)].toSorted()).toEqual([
      'BatchGetItem',
      'ChangeMessageVisibility',
      'DeleteMessageBatch',
      'GetItem',
      'PutItem',
      'UpdateItem',
    ]);
    // The completed and the failed record.
    expect(operations.filter((operation) => operation === 'UpdateItem')).toHaveLength(2);
  });

  it('prepares the connections that the batches use', async () => {
    const worker = await startWorker();
    expect(await worker({ Records: await receiveEvent() }, context)).toEqual({ batchItemFailures: [] });
    const Records = await receiveEvent();
    const batchItemFailures = Records.map(({ messageId }) => ({ itemIdentifier: messageId }));
    expect(await worker({ Records }, context)).toEqual({ batchItemFailures });
    expect(handled).toHaveLength(2);
    expect(dynamo.sent).toContain('DynamoDB_20120810.PutItem');
    expect(sqs.sent).toContain('AmazonSQS.ChangeMessageVisibility');
    expect([dynamo.connections, sqs.connections].map(({ length }) => length)).toEqual([1, 1]);
  });

  it('does no harm if the services have closed the connections since', async () => {
    const worker = await startWorker();
    await vi.waitFor(() => expect([...dynamo.connections, ...sqs.connections]).toHaveLength(2), wait);
    for (const socket of [...dynamo.connections, ...sqs.connections]) socket.resetAndDestroy();
    vi.useRealTimers();
    expect(await worker({ Records: await receiveEvent() }, context)).toEqual({ batchItemFailures: [] });
  });

  it('does no harm if nothing listens or the credentials are missing', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', 'http://127.0.0.1:1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', '');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', '');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    const worker = await startWorker();
    expect(writtenLines()).toEqual([]);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
    vi.useRealTimers();
    // The first batch reports the error.
    const { batchItemFailures } = await worker({ Records: await receiveEvent() }, context);
    expect(batchItemFailures).toHaveLength(1);
    expect(writtenLines().join('\n')).toContain('ECONNREFUSED');
  });

  it.each([true, false])('fetches the token of the app only if a handler uses the client: %s', async (usesClient) => {
    await using platform = await PlatformApi.start();
    await startWorker(platform.environment, usesClient);
    expect(platform.calls).toEqual(usesClient ? ['/open-apis/auth/v3/tenant_access_token/internal'] : []);
    // It is shared.
    expect([...dynamo.sent.matchAll(/DynamoDB_20120810\.(\w+)/g)].map(([, operation]) => operation)).toEqual(
      usesClient ? ['GetItem', 'PutItem'] : [],
    );
    if (usesClient) expect(dynamo.connections).toHaveLength(1);
    expect(writtenLines()).toEqual([]);
  });

  it('reports a missing setting', async () => {
    await expect(createPrimedWorker({} as never, {})).rejects.toThrow('QUEUE_URL is not set');
  });
});
