import type { Message, MessageAttributeValue } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { toSqsRecord } from '../queue/sqs-record.ts';
import { readDelivery } from '../worker/processor.ts';
import { MAXIMUM_DELIVERIES } from '../worker/retry.ts';

/** A message of the dead-letter queue. */
export interface DeadLetter {
  messageId: string;
  receiptHandle: string;
  /** The event's type, {@link UNREADABLE} when the message is no event. */
  type: string;
  eventId: string | undefined;
  /** When the event arrived, or the message was sent. */
  receivedAt: Date;
  /** How often the worker has tried, before each redrive and since. */
  attempts: number;
  /** How often it was redriven. */
  redrives: number;
  /** The message that it is the redriven copy of. */
  redriveOf: string | undefined;
  body: string;
  messageAttributes: Record<string, MessageAttributeValue>;
  groupId: string | undefined;
  record: SQSRecord;
}

/** Shown, and taken by `--type`, for a message that is no event. */
const UNREADABLE = 'unreadable';

export function readDeadLetter(message: Message, queueArn: string): DeadLetter {
  const { MessageId = '', ReceiptHandle = '', Body = '', MessageAttributes = {}, Attributes = {} } = message;
  const record = toSqsRecord(message, queueArn);
  const redrives = Number(MessageAttributes.redrives?.StringValue ?? 0) || 0;
  return {
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    ...readEvent(record),
    attempts: (redrives + 1) * MAXIMUM_DELIVERIES,
    redrives,
    redriveOf: MessageAttributes.redriveOf?.StringValue,
    body: Body,
    messageAttributes: MessageAttributes,
    groupId: Attributes.MessageGroupId,
    record,
  };
}

function readEvent(record: SQSRecord): Pick<DeadLetter, 'type' | 'eventId' | 'receivedAt'> {
  try {
    const { envelope, receivedAt } = readDelivery(record);
    return { type: envelope.header.type, eventId: envelope.header.id, receivedAt };
  } catch {
    const sentAt = new Date(Number(record.attributes.SentTimestamp));
    return { type: UNREADABLE, eventId: undefined, receivedAt: sentAt };
  }
}
