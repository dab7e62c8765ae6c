import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { SQSRecord } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { createQueue, type Queue } from '../../lib/intake/event-queue.ts';
import { decodeMessage } from '../../lib/queue/message.ts';
import { storedKeyOf, withStoredText } from '../../lib/queue/stored-text.ts';
import { readDelivery } from '../../lib/worker/processor.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { writtenLines } from '../support/written-output.ts';

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
/** Sends an event, and returns the message as the worker receives it. */
async function sendAndReceive(text: string): Promise<SQSRecord> {
  const queue = createQueue(aws.environment.QUEUE_URL ?? '', aws.environment);
  await queue.send(envelopeOf(text), { text, ...longestAttributes }, new AbortController().signal);
  const [record] = await aws.drain();
  return record as SQSRecord;
}

/** Returns the size as SQS counts it: the body, and the name, type and value of each attribute. */
function countBytes({ body, messageAttributes }: SQSRecord): number {
  const attributes = Object.entries(messageAttributes).flatMap(([name, { dataType, stringValue = '' }]) => [
    name,
    dataType,
    stringValue,
  ]);
  return Buffer.byteLength([body, ...attributes].join(''));
}

describe('A queue message', () => {
  const limit = MEBIBYTE - 4 * KIBIBYTE;

  it.each([limit, limit + 1, MEBIBYTE, MEBIBYTE + 1])(
    'fits into 1 MiB with its attributes if its event has %i bytes',
    async (bytes) => {
      const text = textOf(bytes);
      const record = await sendAndReceive(text);
      expect(countBytes(record)).toBeLessThanOrEqual(MEBIBYTE);
      expect(decodeMessage(record).text === text).toBe(true);
    },
  );

  it('contains the unchanged event up to 1 MiB less 4 KiB, and is compressed above', async () => {
    expect((await sendAndReceive(textOf(limit))).messageAttributes).not.toHaveProperty('encoding');
    expect((await sendAndReceive(textOf(limit + 1))).messageAttributes.encoding).toMatchObject({ stringValue: 'gzip' });
  });

  it('is measured in bytes, not in characters', async () => {
    const text = textOf(900 * KIBIBYTE).replaceAll('x', '好');
    expect((await sendAndReceive(text)).messageAttributes.encoding).toMatchObject({ stringValue: 'gzip' });
  });
});

describe('An event that is too large for SQS even when compressed', () => {
  const noise = randomBytes(MEBIBYTE).toString('base64');
  const text = textOf(100).replace(/"x+"/, `"${noise}"`);

  it('is stored in S3, and the message contains its key', async () => {
    const record = await sendAndReceive(text);
    const key = storedKeyOf(record);
    expect(key).toMatch(/^events\/[\w-]{43}\.json\.gz$/);
    const compressed = await aws.emulators.largeEvents.read(key as string, new AbortController().signal);
    expect(decodeMessage(withStoredText(record, compressed)).text === text).toBe(true);
  });

  it('has the same key each time the platform sends it', async () => {
    expect(storedKeyOf(await sendAndReceive(text))).toBe(storedKeyOf(await sendAndReceive(text)));
  });

  it('writes a log line with the metric of the alarm, and without the event', async () => {
    const before = writtenLines().length;
    await sendAndReceive(text);
    const lines = writtenLines().slice(before);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain(noise.slice(0, 40));
    expect(JSON.parse(lines[0] as string)).toMatchObject({
      SetAside: 1,
      level: 'WARN',
      code: 'FEISHU_EVENT_TOO_LARGE',
      event_type: 'im.message.receive_v1',
      reason: expect.stringMatching(/^The event has \d{7} bytes, \d{7} when compressed.* stored in S3 as events/),
    });
  });

  it.each([
    ['the bucket does not exist', { LARGE_EVENTS_BUCKET: 'no-such-bucket' }, /S3 responded with 404 NoSuchBucket/],
    ['the bucket is not set', { LARGE_EVENTS_BUCKET: '' }, /LARGE_EVENTS_BUCKET is not set/],
  ])('is sent again by the platform if %s', async (_, environment, cause) => {
    const queue = createQueue(aws.environment.QUEUE_URL ?? '', { ...aws.environment, ...environment });
    await expect(
      queue.send(envelopeOf(text), { text, ...longestAttributes }, new AbortController().signal),
    ).rejects.toMatchObject({ code: 'FEISHU_QUEUE_UNAVAILABLE', cause: { message: expect.stringMatching(cause) } });
    expect(await aws.drain()).toEqual([]);
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
