import type { SQSRecord } from 'aws-lambda';

export interface RecordOptions {
  type?: string;
  /** Of the event. Default: the message's id */
  eventId?: string;
  attempt?: number;
  /** The message id of the dead letter that this message replaces. */
  redriveOf?: string;
  /** Replaces the event. */
  body?: string;
}

/** Creates a message of the events queue, as Lambda passes it to the worker. */
export function createRecord(
  messageId: string,
  { type = 'example.thing.created_v1', eventId = messageId, attempt = 1, redriveOf, body }: RecordOptions = {},
): SQSRecord {
  const attribute = (stringValue: string) => ({ stringValue, dataType: 'String' });
  const header = { event_id: eventId, event_type: type, app_id: 'cli_1', tenant_key: 'tenant' };
  return {
    messageId,
    receiptHandle: `receipt of ${messageId}`,
    body: body ?? JSON.stringify({ schema: '2.0', header, event: { thing: 'a thing' } }),
    attributes: { ApproximateReceiveCount: `${attempt}` },
    messageAttributes: {
      source: attribute('webhook'),
      receivedAt: attribute('2026-01-02T03:04:05.000Z'),
      ...(redriveOf !== undefined && { redriveOf: attribute(redriveOf) }),
    },
  } as unknown as SQSRecord;
}
