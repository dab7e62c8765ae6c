import type { Message, MessageAttributeValue } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { toSqsRecord } from '../queue/sqs-record.ts';
import { readDelivery } from '../worker/processor.ts';
import { MAXIMUM_DELIVERIES } from '../worker/retry.ts';

/** A message in the dead-letter queue. */
export interface DeadLetter {
  messageId: string;
  receiptHandle: string;
  /** The event's type, or {@link UNREADABLE} if the message is not an event. */
  type: string;
  eventId: string | undefined;
  /** When the event arrived. If the message is not an event, when it was sent. */
  receivedAt: Date;
  /** The number of attempts, including those before each redrive. */
  attempts: number;
  /** The number of redrives. */
  redrives: number;
  /** If this is a redriven copy, the id of the original message. */
  redriveOf: string | undefined;
  body: string;
  messageAttributes: Record<string, MessageAttributeValue>;
  groupId: string | undefined;
  record: SQSRecord;
}

/** The type of a message that is not an event, in lists and for `--type`. */
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
