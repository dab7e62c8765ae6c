import { gzipSync } from 'node:zlib';
import type { Environment } from '../config.ts';
import type { EventEnvelope } from '../feishu/envelope.ts';
import type { ErrorCode, FeishuError } from '../feishu/errors.ts';
import { type Accepted, acceptedChannel } from '../observability/diagnostics-channels.ts';
import { embeddedMetrics } from '../observability/embedded-metrics.ts';
import { writeLine } from '../observability/log.ts';
import { shorten } from '../observability/log-text.ts';
import { openLargeEvents } from '../queue/large-events.ts';
import { hashOfEvent, MAXIMUM_BODY_BYTES, type MessageBody, type QueuedEvent } from '../queue/message.ts';
import { startDeadline } from '../util/deadline.ts';
import type { Queue } from './event-queue.ts';
import type { SqsSender } from './sqs-sender.ts';
import { RESPONSE_TIME_LIMIT_MILLISECONDS } from './time-limit.ts';

// What few events need. The webhook loads this module, which has its own bundle, when such an event arrives. It therefore
// must not throw a `FeishuError`: the webhook would not recognize this bundle's class.

/** Only these objects may be written and read. */
const PREFIX = 'events/';

/**
 * Compresses an event that is too large for a queue message. If it still is, stores it in the bucket of large events.
 *
 * @param config of the client that sends the message
 * @throws the errors of {@link openLargeEvents} if S3 does not store the event, and an `Error` if the bucket's name is not
 *   set
 */
export async function encodeLargeBody(
  envelope: EventEnvelope | undefined,
  { text, requestId }: QueuedEvent,
  config: SqsSender['client']['config'],
  environment: Environment,
  signal: AbortSignal,
): Promise<MessageBody> {
  const compressed = gzipSync(text);
  const body = compressed.toString('base64');
  if (body.length <= MAXIMUM_BODY_BYTES) return { body, encoding: 'gzip' };
  const key = keyOf(envelope, text);
  const { LARGE_EVENTS_BUCKET: bucket } = environment;
  if (!bucket) throw new Error('LARGE_EVENTS_BUCKET is not set. The deployment sets it');
  await openLargeEvents(bucket, config).write(key, compressed, signal);
  const reason =
    `The event has ${Buffer.byteLength(text)} bytes, ${body.length} when compressed, but a queue message has at most ` +
    `${MAXIMUM_BODY_BYTES}. It is stored in S3 as ${key}.`;
  reportSetAside({ code: 'FEISHU_EVENT_TOO_LARGE', reason, envelope, requestId }, environment);
  return { body: key, encoding: 's3' };
}

/** All deliveries of an event share a key. */
function keyOf(envelope: EventEnvelope | undefined, text: string): string {
  return `${PREFIX}${Buffer.from(hashOfEvent(envelope, text), 'hex').toString('base64url')}.json.gz`;
}

/** An authentic event with an unknown envelope. */
export interface UnreadableEvent extends Pick<QueuedEvent, 'text' | 'source' | 'requestId'> {
  /** Why it cannot be read. */
  problem: FeishuError;
  /** When it arrived, in milliseconds since the epoch. */
  receivedAt: number;
}

/**
 * Sends an unreadable event to the dead-letter queue, with the problem as its failure reason.
 *
 * @throws the errors of {@link Queue.send}
 */
export async function storeUnreadable(
  deadLetterQueue: Queue,
  { problem: { code, message }, receivedAt, ...event }: UnreadableEvent,
  environment: Environment,
): Promise<void> {
  using deadline = startDeadline(receivedAt + RESPONSE_TIME_LIMIT_MILLISECONDS - Date.now());
  const queued = { ...event, receivedAt: new Date(receivedAt), reason: `${code}: ${message}` };
  const messageId = await deadLetterQueue.send(undefined, queued, deadline.signal);
  acceptedChannel.publish({
    messageId,
    header: undefined,
    reason: queued.reason,
    text: event.text,
    source: event.source,
    receivedAt: queued.receivedAt.toISOString(),
    acknowledgedAt: new Date().toISOString(),
  } satisfies Accepted);
  reportSetAside({ code, reason: message, requestId: event.requestId }, environment);
}

/** Writes the log line of an event that did not take the usual way, which includes the metric of an alarm. */
export function reportSetAside(
  {
    code,
    reason,
    envelope,
    requestId,
  }: { code: ErrorCode; reason: string; envelope?: EventEnvelope | undefined; requestId: string | undefined },
  { POWERTOOLS_SERVICE_NAME: service = 'feishu-events' }: Environment,
): void {
  writeLine({
    ...embeddedMetrics({ SetAside: { unit: 'Count', value: 1 } }, [['service'], ['service', 'code']]),
    level: 'WARN',
    message: 'An event was set aside',
    timestamp: new Date().toISOString(),
    service,
    request_id: requestId,
    event_id: shorten(envelope?.header.id),
    event_type: shorten(envelope?.header.type),
    code,
    reason,
  });
}
