import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { SendMessageCommand, type SendMessageCommandInput } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { createQueue, type Queue } from '../../lib/intake/event-queue.ts';
import { decodeMessage, encodeMessage } from '../../lib/queue/message.ts';
import { readDelivery } from '../../lib/worker/processor.ts';
import { emulatedAws } from '../support/emulated-aws.ts';

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;
const aws = emulatedAws();

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Returns an event of exactly this size, which compresses well. */
function textOf(bytes: number): string {
  const empty = '{"schema":"2.0","header":{"event_type":"im.message.receive_v1"},"event":{"a":""}}';
  return empty.replace('""', `"${'x'.repeat(bytes - empty.length)}"`);
}

const envelopeOf = (text: string) => parseEnvelope(text) as EventEnvelope;
const longestAttributes = { source: 'long-connection', receivedAt: new Date(), requestId: 'r'.repeat(128) } as const;
const encode = (text: string, url = aws.environment.QUEUE_URL ?? '') =>
  encodeMessage(url, envelopeOf(text), { text, ...longestAttributes });

/** Returns the size as SQS counts it: the body, and the name, type and value of each attribute. */
function countBytes({ MessageBody = '', MessageAttributes = {} }: SendMessageCommandInput): number {
  const attributes = Object.entries(MessageAttributes).flatMap(([name, value]) => [
    name,
    value.DataType ?? '',
    value.StringValue ?? '',
  ]);
  return Buffer.byteLength([MessageBody, ...attributes].join(''));
}

describe('A queue message', () => {
  it.each([MEBIBYTE - 4 * KIBIBYTE, MEBIBYTE - 4 * KIBIBYTE + 1, MEBIBYTE, MEBIBYTE + 1])(
    'fits into 1 MiB with its attributes if its event has %i bytes',
    async (bytes) => {
      const text = textOf(bytes);
      const message = encode(text);
      expect(countBytes(message)).toBeLessThanOrEqual(MEBIBYTE);
      await aws.emulators.sqs.send(new SendMessageCommand(message));
      const [record] = await aws.drain();
      expect(decodeMessage(record as SQSRecord).text === text).toBe(true);
    },
  );

  it('contains the unchanged event up to 1 MiB less 4 KiB, and is compressed above', () => {
    const limit = MEBIBYTE - 4 * KIBIBYTE;
    expect(encode(textOf(limit)).MessageAttributes).not.toHaveProperty('encoding');
    expect(encode(textOf(limit + 1)).MessageAttributes?.encoding).toMatchObject({ StringValue: 'gzip' });
  });

  it('is measured in bytes, not in characters', () => {
    const text = textOf(900 * KIBIBYTE).replaceAll('x', '好');
    expect(encode(text).MessageAttributes?.encoding).toMatchObject({ StringValue: 'gzip' });
  });
});

describe('A compressed message from another sender', () => {
  const recordOf = (text: string) =>
    ({
      messageId: 'message-1',
      body: gzipSync(text).toString('base64'),
      attributes: { ApproximateReceiveCount: '1' },
      messageAttributes: Object.fromEntries(
        Object.entries({ source: 'webhook', receivedAt: new Date().toISOString(), encoding: 'gzip' }).map(
          ([name, stringValue]) => [name, { stringValue, dataType: 'String' }],
        ),
      ),
    }) as unknown as SQSRecord;

  it('is decompressed only up to 16 MiB', () => {
    expect(decodeMessage(recordOf(textOf(16 * MEBIBYTE))).text.length).toBe(16 * MEBIBYTE);
    expect(() => decodeMessage(recordOf(textOf(16 * MEBIBYTE + 1)))).toThrow(RangeError);
  });

  it('is rejected as malformed if it is a gzip bomb', () => {
    expect(() => readDelivery(recordOf(textOf(100 * MEBIBYTE)))).toThrow(
      expect.objectContaining({ name: 'MalformedMessage' }),
    );
  });
});

describe('Where SQS rejects message groups on standard queues, the queue', () => {
  const requests: Record<string, unknown>[] = [];
  let rejection = '';
  const sqs = createHttpServer(async (request, response) => {
    const message = JSON.parse(Buffer.concat(await request.toArray()).toString());
    requests.push(message);
    if ('MessageGroupId' in message && rejection !== '') {
      response.writeHead(400, { 'x-amzn-query-error': 'InvalidParameterValue;Sender' });
      response.end(JSON.stringify({ __type: 'com.amazonaws.sqs#InvalidParameterValue', message: rejection }));
    } else {
      const MD5OfMessageBody = createHash('md5').update(message.MessageBody).digest('hex');
      response.end(JSON.stringify({ MessageId: '1', MD5OfMessageBody }));
    }
  });
  const origin = () => `http://127.0.0.1:${(sqs.address() as AddressInfo).port}`;
  const sendOneTo = (queue: Queue) =>
    queue.send(envelopeOf(textOf(100)), { text: textOf(100), ...longestAttributes }, new AbortController().signal);
  beforeEach(async () => {
    requests.length = 0;
    rejection =
      'Value oc_1 for parameter MessageGroupId is invalid. Reason: The request include parameter that is not valid for this queue type';
    await once(sqs.listen(0, '127.0.0.1'), 'listening');
    vi.stubEnv('AWS_ENDPOINT_URL_SQS', origin());
  });
  afterEach(() => {
    sqs.closeAllConnections();
    sqs.close();
  });

  it('sends the event without a group, and remembers it for the next event', async () => {
    const queue = createQueue(`${origin()}/1/events`);
    await sendOneTo(queue);
    await sendOneTo(queue);
    expect(requests.map((message) => 'MessageGroupId' in message)).toEqual([true, false, false]);
    const { MessageGroupId: _, ...rest } = requests[0] ?? {};
    expect(requests[1]).toEqual(rest);
  });

  it('stores events that were rejected at the same time', async () => {
    const queue = createQueue(`${origin()}/1/events`);
    expect(await Promise.all([sendOneTo(queue), sendOneTo(queue), sendOneTo(queue)])).toEqual(['1', '1', '1']);
  });

  it.each([
    ['another parameter is invalid', 'events', 'Value x for parameter DelaySeconds is invalid.'],
    ['the queue is a FIFO queue', 'events.fifo', 'Value oc_1 for parameter MessageGroupId is invalid.'],
  ])('rejects the event if %s', async (_, name, message) => {
    rejection = message;
    await expect(sendOneTo(createQueue(`${origin()}/1/${name}`))).rejects.toMatchObject({
      code: 'FEISHU_QUEUE_UNAVAILABLE',
    });
    expect(requests).toHaveLength(1);
  });
});

describe('The queue', () => {
  it('rejects when the signal aborts, even while the SDK waits for credentials', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_PROFILE']) {
      vi.stubEnv(name, undefined);
    }
    vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `http://127.0.0.1:${port}/credentials`);
    try {
      const controller = new AbortController();
      const text = textOf(100);
      const event = { text, ...longestAttributes };
      const sent = createQueue(aws.environment.QUEUE_URL ?? '').send(envelopeOf(text), event, controller.signal);
      const failure = sent.then(
        () => undefined,
        (error: unknown) => error,
      );
      await once(silent, 'connection');
      const reason = new DOMException('Not done within 2300 ms', 'TimeoutError');
      controller.abort(reason);
      expect(await failure).toMatchObject({ code: 'FEISHU_QUEUE_UNAVAILABLE', cause: reason });
    } finally {
      for (const socket of sockets) socket.destroy();
      silent.close();
    }
  });
});
