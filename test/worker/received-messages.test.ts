import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createReceivedMessages } from '../../lib/worker/received-messages.ts';
import { createRecord } from './queue-records.ts';

const { signal } = new AbortController();

let server: Server;
let requests: { operation: string; input: unknown }[];
/** What SQS responds; `undefined`: nothing. */
let response: object | undefined;
let requested: PromiseWithResolvers<void>;
let disconnected: PromiseWithResolvers<void>;
let QueueUrl: string;
beforeEach(async () => {
  requests = [];
  response = {};
  requested = Promise.withResolvers();
  disconnected = Promise.withResolvers();
  server = createServer(async (request, reply) => {
    const operation = `${request.headers['x-amz-target']}`.replace('AmazonSQS.', '');
    requests.push({ operation, input: JSON.parse(await text(request)) });
    request.socket.once('close', disconnected.resolve);
    requested.resolve();
    if (response) reply.setHeader('content-type', 'application/x-amz-json-1.0').end(JSON.stringify(response));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  QueueUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/000000000000/events`;
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
});
afterEach(() => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
});

describe('Postponing a message', () => {
  it('hides it for that time', async () => {
    await createReceivedMessages(new SQSClient(), QueueUrl).postpone(createRecord('a'), 8, 1000, signal);
    expect(requests).toEqual([
      {
        operation: 'ChangeMessageVisibility',
        input: { QueueUrl, ReceiptHandle: 'receipt of a', VisibilityTimeout: 8 },
      },
    ]);
  });

  it('hides it for at most 12 hours since its delivery, minus a minute', async () => {
    await createReceivedMessages(new SQSClient(), QueueUrl).postpone(createRecord('a'), 50_000, 100_001, signal);
    expect(requests[0]?.input).toMatchObject({ VisibilityTimeout: 12 * 60 * 60 - 60 - 101 });
  });

  it('ends with its request when the signal aborts', async () => {
    response = undefined;
    const controller = new AbortController();
    const postponing = createReceivedMessages(new SQSClient(), QueueUrl).postpone(
      createRecord('a'),
      8,
      0,
      controller.signal,
    );
    await requested.promise;
    controller.abort(new Error('no time left'));
    await expect(postponing).rejects.toThrow('no time left');
    await disconnected.promise;
  });
});

describe('Removing messages', () => {
  const records = ['a', 'b', 'c'].map((id) => createRecord(id));

  it('deletes them in one request', async () => {
    expect(await createReceivedMessages(new SQSClient(), QueueUrl).remove(records, signal)).toEqual([]);
    const Entries = [
      { Id: '0', ReceiptHandle: 'receipt of a' },
      { Id: '1', ReceiptHandle: 'receipt of b' },
      { Id: '2', ReceiptHandle: 'receipt of c' },
    ];
    expect(requests).toEqual([{ operation: 'DeleteMessageBatch', input: { QueueUrl, Entries } }]);
  });

  it('returns the ids of those that SQS did not delete', async () => {
    const failed = (Id: string) => ({ Id, SenderFault: true, Code: 'ReceiptHandleIsInvalid' });
    response = { Successful: [{ Id: '1' }], Failed: [failed('2'), failed('0'), failed('7')] };
    expect(await createReceivedMessages(new SQSClient(), QueueUrl).remove(records, signal)).toEqual(['c', 'a']);
  });

  it('ends with its request when the signal aborts', async () => {
    response = undefined;
    const controller = new AbortController();
    const removing = createReceivedMessages(new SQSClient(), QueueUrl).remove(records, controller.signal);
    await requested.promise;
    controller.abort(new Error('no time left'));
    await expect(removing).rejects.toThrow('no time left');
    await disconnected.promise;
  });
});
