import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { SQSMessageAttributes, SQSRecord } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { decodeMessage, encodeMessage, escapeForSqs, type QueuedEvent } from '../../lib/queue/message.ts';

const QUEUE_URL = 'https://sqs.us-east-1.amazonaws.com/123456789012/events';
const FIFO_URL = `${QUEUE_URL}.fifo`;
const MIB = 1024 * 1024;
const receivedAt = new Date('2026-11-26T10:00:00.123Z');

function textOf({ chat = 'oc_1', id = 'e1', padding = '' } = {}): string {
  const header = { event_id: id, event_type: 'some.type_v1', token: '', app_id: 'cli_1', tenant_key: 'tenant' };
  return JSON.stringify({ schema: '2.0', header, event: { chat_id: chat, padding } });
}

function encode(text: string, options: Partial<QueuedEvent> = {}, url = QUEUE_URL) {
  const event: QueuedEvent = { text, source: 'webhook', receivedAt, requestId: undefined, ...options };
  return encodeMessage(url, parseEnvelope(text) as EventEnvelope, event);
}

/** Converts a message to the record that the worker receives. */
function recordOf({ MessageBody = '', MessageAttributes = {} }: Partial<ReturnType<typeof encode>>): SQSRecord {
  const attributes = Object.entries(MessageAttributes).map(([name, { StringValue }]) => [
    name,
    { stringValue: StringValue, dataType: 'String' },
  ]);
  return { body: MessageBody, messageAttributes: Object.fromEntries(attributes) as SQSMessageAttributes } as SQSRecord;
}

describe('a queue message', () => {
  it('contains the unchanged event and information about its delivery', () => {
    const text = textOf();
    expect(encode(text, { requestId: 'r-1' })).toEqual({
      QueueUrl: QUEUE_URL,
      MessageBody: text,
      MessageAttributes: {
        source: { DataType: 'String', StringValue: 'webhook' },
        receivedAt: { DataType: 'String', StringValue: '2026-11-26T10:00:00.123Z' },
        requestId: { DataType: 'String', StringValue: 'r-1' },
      },
      MessageGroupId: expect.any(String),
    });
  });

  it.each(['webhook', 'long-connection'] as const)('is decoded as it was encoded, from %s', (source) => {
    const event = { text: textOf(), source, receivedAt, requestId: 'r-1' };
    expect(decodeMessage(recordOf(encode(event.text, event)))).toEqual({ ...event, redriveOf: undefined });
  });

  it('has no request id if the platform sent none', () => {
    const message = encode(textOf());
    expect(Object.keys(message.MessageAttributes ?? {})).toEqual(['source', 'receivedAt']);
    expect(decodeMessage(recordOf(message)).requestId).toBeUndefined();
  });

  it('names the dead letter that it is a copy of', () => {
    const record = recordOf(encode(textOf()));
    record.messageAttributes.redriveOf = { stringValue: 'dead-1', dataType: 'String' };
    expect(decodeMessage(record).redriveOf).toBe('dead-1');
  });

  it.each([
    ['without attributes', {}],
    ['of another source', { source: { StringValue: 'elsewhere' }, receivedAt: { StringValue: '2026-11-26' } }],
    ['without a source', { receivedAt: { StringValue: '2026-11-26' } }],
    ['without a time', { source: { StringValue: 'webhook' } }],
    ['with an invalid time', { source: { StringValue: 'webhook' }, receivedAt: { StringValue: 'soon' } }],
  ])('%s is rejected', (_, attributes) => {
    const MessageAttributes = attributes as Record<string, { DataType: string; StringValue: string }>;
    expect(() => decodeMessage(recordOf({ MessageBody: textOf(), MessageAttributes }))).toThrow(
      'The queue message has no valid "source" and "receivedAt" attributes: something else wrote to this queue',
    );
  });
});

describe('a message whose body is not the text', () => {
  it.each(['gzip', 's3'] as const)('names its encoding %s', (encoding) => {
    const event = { text: textOf(), source: 'webhook', receivedAt, requestId: undefined } as const;
    const envelope = parseEnvelope(event.text) as EventEnvelope;
    const message = encodeMessage(QUEUE_URL, envelope, event, { body: 'the body', encoding });
    expect(message).toMatchObject({
      MessageBody: 'the body',
      MessageAttributes: { encoding: { StringValue: encoding } },
    });
  });
});

describe('an event that cannot be parsed', () => {
  const event = { source: 'webhook', receivedAt, requestId: undefined, reason: 'FEISHU_ENVELOPE_UNKNOWN: …' } as const;
  const unreadable = (text: string) => encodeMessage(FIFO_URL, undefined, { ...event, text });

  it('is a conversation of its own', () => {
    expect(unreadable('{}').MessageGroupId).not.toBe(unreadable('[]').MessageGroupId);
    expect(unreadable('{}').MessageDeduplicationId).not.toBe(unreadable('[]').MessageDeduplicationId);
    expect(unreadable('{}')).toEqual(unreadable('{}'));
  });

  it('says why', () => {
    expect(unreadable('{}').MessageAttributes?.reason).toEqual({ DataType: 'String', StringValue: event.reason });
  });
});

describe('a compressed event', () => {
  it('is not decompressed beyond the size of any possible event', () => {
    const decode = (bytes: number) => {
      const record = recordOf(encode(textOf()));
      record.messageAttributes.encoding = { stringValue: 'gzip', dataType: 'String' };
      return decodeMessage({ ...record, body: gzipSync(Buffer.alloc(bytes)).toString('base64') }).text.length;
    };
    expect(decode(16 * MIB)).toBe(16 * MIB);
    expect(() => decode(16 * MIB + 1)).toThrow(/larger than 16777216 bytes/);
  });

  it('is rejected if its encoding is unknown', () => {
    const record = recordOf(encode(textOf()));
    record.messageAttributes.encoding = { stringValue: 'br', dataType: 'String' };
    expect(() => decodeMessage(record)).toThrow('The queue message has an unknown encoding "br"');
  });
});

describe('the group of a message', () => {
  it('is the conversation if SQS accepts its name, otherwise its SHA-256 hash', () => {
    const groupOf = (chat: string) => encode(textOf({ chat })).MessageGroupId;
    for (const chat of ['oc_0123456789abcdef', 'a.b:c-d', 'x'.repeat(128)]) expect(groupOf(chat)).toContain(chat);
    for (const chat of ['x'.repeat(129), 'a b', 'a\n', '好']) {
      expect(groupOf(chat)).toMatch(/^[\da-f]{64}$/);
      expect(groupOf(chat)).not.toBe(groupOf(`${chat}x`));
    }
  });
});

describe('the group of a message in a topic', () => {
  it('is the chat, unless topics are split', () => {
    const groupsOf = (...splitsTopics: boolean[]) =>
      ['omt_1', 'omt_2'].map((thread_id) => {
        const header = { event_id: thread_id, event_type: 'im.message.receive_v1', tenant_key: 'tenant' };
        const text = JSON.stringify({ schema: '2.0', header, event: { message: { chat_id: 'oc_1', thread_id } } });
        const event = { text, source: 'webhook', receivedAt, requestId: undefined } as const;
        const envelope = parseEnvelope(text) as EventEnvelope;
        return encodeMessage(QUEUE_URL, envelope, event, { body: text }, ...splitsTopics).MessageGroupId;
      });
    expect(new Set(groupsOf()).size).toBe(1);
    expect(groupsOf(false)).toEqual(groupsOf());
    expect(new Set(groupsOf(true)).size).toBe(2);
  });
});

describe('the deduplication id', () => {
  it('identifies the event, and is present only on a FIFO queue', () => {
    const ids = ['e1', 'e1', 'e2'].map((id) => encode(textOf({ id }), {}, FIFO_URL).MessageDeduplicationId);
    expect(ids[0]).toMatch(/^[\da-f]{64}$/);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
    expect(encode(textOf())).not.toHaveProperty('MessageDeduplicationId');
  });

  it('is a hash of the event', () => {
    const id = encode(textOf({ id: 'e1' }), {}, FIFO_URL).MessageDeduplicationId;
    expect(id).not.toBe(createHash('sha256').digest('hex'));
  });
});

describe('characters that SQS rejects', () => {
  it('are escaped, as single units and pairs, without changing the value of the JSON', () => {
    const text = '{"a":"\uFFFE\uFFFF","b":"🎉","c":"\uFFFD\uE000好"}';
    expect(escapeForSqs(text)).toBe('{"a":"\\ufffe\\uffff","b":"\\ud83c\\udf89","c":"\uFFFD\uE000好"}');
    expect(JSON.parse(escapeForSqs(text))).toEqual(JSON.parse(text));
  });
});
