import { createHash } from 'node:crypto';
import type { SendMessageCommandInput } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import type { EventEnvelope } from '../feishu/envelope.ts';
import { conversationOf, deduplicationKey } from '../feishu/event-identity.ts';
import type { EventSource } from '../handler.ts';

/** An event that the intake sends to the worker. */
export interface QueuedEvent {
  /** The decrypted JSON text exactly as received. */
  text: string;
  source: EventSource;
  receivedAt: Date;
  /** The platform's `X-Request-Id` or `X-Tt-Logid`, which identifies the delivery in its logs. */
  requestId: string | undefined;
  /** The id of the dead letter, if this is the copy that a redrive sent. */
  redriveOf?: string | undefined;
  /** Why the intake sent the event to the dead-letter queue. */
  reason?: string | undefined;
}

/** The body of a message, and how it represents the event's text. */
export interface MessageBody {
  body: string;
  /** `gzip`: compressed, in Base64. `s3`: the key of the compressed text in the bucket of large events. */
  encoding?: 'gzip' | 's3';
}

/** More than the attributes used here have. */
export const MAXIMUM_ATTRIBUTES_BYTES = 4 * 1024;
/** SQS accepts 1 MiB for body and attributes. */
export const MAXIMUM_BODY_BYTES = 1024 * 1024 - MAXIMUM_ATTRIBUTES_BYTES;
/** More than any event can have: a Lambda invocation accepts 6 MB. */
const MAXIMUM_TEXT_BYTES = 16 * 1024 * 1024;

/**
 * Writes an event as an SQS message.
 *
 * @param envelope `undefined` if the event cannot be parsed; it then belongs to no conversation
 * @param messageBody default: the event's unchanged text
 * @param splitsTopics whether a topic within a chat is ordered by itself
 */
export function encodeMessage(
  queueUrl: string,
  envelope: EventEnvelope | undefined,
  { text, source, receivedAt, requestId, reason }: QueuedEvent,
  { body, encoding }: MessageBody = { body: text },
  splitsTopics = false,
): SendMessageCommandInput {
  return {
    QueueUrl: queueUrl,
    MessageBody: body,
    MessageAttributes: {
      source: stringAttribute(source),
      receivedAt: stringAttribute(receivedAt.toISOString()),
      ...(requestId !== undefined && { requestId: stringAttribute(requestId) }),
      ...(encoding !== undefined && { encoding: stringAttribute(encoding) }),
      ...(reason !== undefined && { reason: stringAttribute(reason) }),
    },
    // The tenant for fair queueing on a standard queue, and the unit of ordering on a FIFO queue.
    MessageGroupId: envelope ? toMessageGroupId(conversationOf(envelope, splitsTopics)) : hash(text),
    ...(queueUrl.endsWith('.fifo') && { MessageDeduplicationId: hashOfEvent(envelope, text) }),
  };
}

/** Returns a hash that all deliveries of an event share. */
export function hashOfEvent(envelope: EventEnvelope | undefined, text: string): string {
  return hash(envelope ? deduplicationKey(envelope, text) : text);
}

/**
 * Escapes characters in a JSON text that SQS may reject: U+FFFE and U+FFFF, and in some implementations those above.
 * The escaped JSON has the same value.
 */
export function escapeForSqs(text: string): string {
  return text.replace(/[\uD800-\uDFFF\uFFFE\uFFFF]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
}

/**
 * Reads a message that {@link encodeMessage} wrote.
 *
 * @throws {TypeError} if something else wrote the message
 */
export function decodeMessage({ body, messageAttributes }: SQSRecord): QueuedEvent {
  const source = messageAttributes.source?.stringValue;
  const receivedAt = new Date(messageAttributes.receivedAt?.stringValue ?? Number.NaN);
  if ((source !== 'webhook' && source !== 'long-connection') || Number.isNaN(receivedAt.getTime())) {
    throw new TypeError(
      'The queue message has no valid "source" and "receivedAt" attributes: something else wrote to this queue',
    );
  }
  return {
    text: decodeBody(body, messageAttributes.encoding?.stringValue),
    source,
    receivedAt,
    requestId: messageAttributes.requestId?.stringValue,
    redriveOf: messageAttributes.redriveOf?.stringValue,
  };
}

function decodeBody(body: string, encoding: string | undefined): string {
  if (encoding === undefined) return body;
  if (encoding !== 'gzip') throw new TypeError(`The queue message has an unknown encoding "${encoding}"`);
  // Loaded on demand, because few events are compressed.
  const { gunzipSync } = process.getBuiltinModule('node:zlib');
  return gunzipSync(Buffer.from(body, 'base64'), { maxOutputLength: MAXIMUM_TEXT_BYTES }).toString('utf8');
}

/** Returns the message group of a conversation, in the characters that SQS accepts. */
export function toMessageGroupId(conversation: string): string {
  return /^[\w.:-]{1,128}$/.test(conversation) ? conversation : hash(conversation);
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function stringAttribute(value: string) {
  return { DataType: 'String', StringValue: value };
}
