import { createHash } from 'node:crypto';
import type { SendMessageCommandInput } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import type { EventEnvelope } from '../feishu/envelope.ts';
import { FeishuError } from '../feishu/errors.ts';
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
}

/** SQS accepts 1 MiB for body and attributes. The attributes used here are far smaller than 4 KiB. */
const MAXIMUM_BODY_BYTES = 1024 * 1024 - 4 * 1024;
/** More than any event can have: a Lambda invocation accepts 6 MB. */
const MAXIMUM_TEXT_BYTES = 16 * 1024 * 1024;

/**
 * Writes an event as an SQS message. The body is the event's unchanged text, compressed if it is too large for SQS.
 *
 * @param splitsTopics whether a topic within a chat is ordered by itself
 * @throws {FeishuError} `FEISHU_EVENT_TOO_LARGE` if it does not fit even when compressed
 */
export function encodeMessage(
  queueUrl: string,
  envelope: EventEnvelope,
  { text, source, receivedAt, requestId }: QueuedEvent,
  splitsTopics = false,
): SendMessageCommandInput {
  const { body, encoding } = encodeBody(text);
  return {
    QueueUrl: queueUrl,
    MessageBody: body,
    MessageAttributes: {
      source: stringAttribute(source),
      receivedAt: stringAttribute(receivedAt.toISOString()),
      ...(requestId !== undefined && { requestId: stringAttribute(requestId) }),
      ...(encoding !== undefined && { encoding: stringAttribute(encoding) }),
    },
    // The tenant for fair queueing on a standard queue, and the unit of ordering on a FIFO queue.
    MessageGroupId: toMessageGroupId(conversationOf(envelope, splitsTopics)),
    ...(queueUrl.endsWith('.fifo') && {
      MessageDeduplicationId: createHash('sha256').update(deduplicationKey(envelope, text)).digest('hex'),
    }),
  };
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

function encodeBody(text: string): { body: string; encoding?: 'gzip' } {
  if (Buffer.byteLength(text) <= MAXIMUM_BODY_BYTES) return { body: text };
  const body = zlib().gzipSync(text).toString('base64');
  // Stryker disable next-line EqualityOperator: no text compresses to exactly this size
  if (body.length > MAXIMUM_BODY_BYTES) {
    throw new FeishuError(
      'FEISHU_EVENT_TOO_LARGE',
      `The event has ${Buffer.byteLength(text)} bytes, ${body.length} when compressed. SQS accepts ${MAXIMUM_BODY_BYTES}.`,
    );
  }
  return { body, encoding: 'gzip' };
}

function decodeBody(body: string, encoding: string | undefined): string {
  if (encoding === undefined) return body;
  if (encoding !== 'gzip') throw new TypeError(`The queue message has an unknown encoding "${encoding}"`);
  return zlib().gunzipSync(Buffer.from(body, 'base64'), { maxOutputLength: MAXIMUM_TEXT_BYTES }).toString('utf8');
}

/** Returns the message group of a conversation, in the characters that SQS accepts. */
export function toMessageGroupId(conversation: string): string {
  return /^[\w.:-]{1,128}$/.test(conversation) ? conversation : createHash('sha256').update(conversation).digest('hex');
}

function stringAttribute(value: string) {
  return { DataType: 'String', StringValue: value };
}

/** Loads the module on demand, because few events need compression. */
function zlib() {
  return process.getBuiltinModule('node:zlib');
}
