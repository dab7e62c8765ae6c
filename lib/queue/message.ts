import { createHash } from 'node:crypto';
import type { SendMessageCommandInput } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import type { EventEnvelope } from '../feishu/envelope.ts';
import { FeishuError } from '../feishu/errors.ts';
import { conversationOf, deduplicationKey } from '../feishu/event-identity.ts';
import type { EventSource } from '../handler.ts';

/** An event on its way from the intake to the worker. */
export interface QueuedEvent {
  /** The decrypted JSON text as the platform wrote it. */
  text: string;
  source: EventSource;
  receivedAt: Date;
  /** The platform's `X-Request-Id` or `X-Tt-Logid`, to find the delivery in its logs. */
  requestId: string | undefined;
  /** Of a copy that a redrive sent: the id of the dead letter. */
  redriveOf?: string | undefined;
}

/** SQS takes 1 MiB for the body and the attributes; the attributes here stay far below 4 KiB. */
const MAXIMUM_BODY_BYTES = 1024 * 1024 - 4 * 1024;
/** No event can be larger than what Lambda takes for an invocation, 6 MB. */
const MAXIMUM_TEXT_BYTES = 16 * 1024 * 1024;

/**
 * Writes an event as an SQS message. The body is the event's text as it is; compressed only where SQS would refuse it.
 *
 * @throws {FeishuError} `FEISHU_EVENT_TOO_LARGE` when it does not fit even compressed
 */
export function encodeMessage(
  queueUrl: string,
  envelope: EventEnvelope,
  { text, source, receivedAt, requestId }: QueuedEvent,
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
    // On a standard queue this is the tenant of SQS's fair queueing, on a FIFO queue the unit of order.
    MessageGroupId: toMessageGroupId(conversationOf(envelope)),
    ...(queueUrl.endsWith('.fifo') && {
      MessageDeduplicationId: createHash('sha256').update(deduplicationKey(envelope, text)).digest('hex'),
    }),
  };
}

/**
 * Escapes the characters of a JSON text that SQS may refuse: U+FFFE and U+FFFF, and by some implementations what is
 * above them. The escaped text means the same.
 */
export function escapeForSqs(text: string): string {
  return text.replace(/[\uD800-\uDFFF\uFFFE\uFFFF]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
}

/**
 * Reads what {@link encodeMessage} wrote.
 *
 * @throws {TypeError} when the message is none of this project's
 */
export function decodeMessage({ body, messageAttributes }: SQSRecord): QueuedEvent {
  const source = messageAttributes.source?.stringValue;
  const receivedAt = new Date(messageAttributes.receivedAt?.stringValue ?? Number.NaN);
  if ((source !== 'webhook' && source !== 'long-connection') || Number.isNaN(receivedAt.getTime())) {
    throw new TypeError('The queue message has no valid "source" and "receivedAt": something else wrote to this queue');
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
  // Stryker disable next-line EqualityOperator: no text can be made to have exactly this size when it is compressed
  if (body.length > MAXIMUM_BODY_BYTES) {
    throw new FeishuError(
      'FEISHU_EVENT_TOO_LARGE',
      `The event has ${Buffer.byteLength(text)} bytes, compressed ${body.length}; SQS takes ${MAXIMUM_BODY_BYTES}.`,
    );
  }
  return { body, encoding: 'gzip' };
}

function decodeBody(body: string, encoding: string | undefined): string {
  if (encoding === undefined) return body;
  if (encoding !== 'gzip') throw new TypeError(`The queue message has an unknown encoding "${encoding}"`);
  return zlib().gunzipSync(Buffer.from(body, 'base64'), { maxOutputLength: MAXIMUM_TEXT_BYTES }).toString('utf8');
}

function toMessageGroupId(conversation: string): string {
  return /^[\w.:-]{1,128}$/.test(conversation) ? conversation : createHash('sha256').update(conversation).digest('hex');
}

function stringAttribute(value: string) {
  return { DataType: 'String', StringValue: value };
}

/** Loaded for the rare event that is too large as it is. */
function zlib() {
  return process.getBuiltinModule('node:zlib');
}
