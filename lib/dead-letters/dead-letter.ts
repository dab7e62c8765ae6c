import type { Message, MessageAttributeValue } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { toSqsRecord } from '../queue/sqs-record.ts';
import { storedKeyOf, withStoredText } from '../queue/stored-text.ts';
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
  /** The number of redrives of a message that the worker had failed to process. */
  redrives: number;
  /** If this is a redriven copy, the id of the original message. */
  redriveOf: string | undefined;
  /** Why the intake sent the event here. `undefined` if the worker failed to process it. */
  reason: string | undefined;
  /** The event's key if it is in the bucket of large events. */
  storedKey: string | undefined;
  body: string;
  messageAttributes: Record<string, MessageAttributeValue>;
  groupId: string | undefined;
  /** The message with its event, if that could be read. */
  record: SQSRecord;
}

/** The type of a message that is not an event, in lists and for `--type`. */
const UNREADABLE = 'unreadable';

/** @param largeEvent the compressed event, if it is in the bucket of large events and could be read */
export function readDeadLetter(message: Message, queueArn: string, largeEvent?: Buffer): DeadLetter {
  const { MessageId = '', ReceiptHandle = '', Body = '', MessageAttributes = {}, Attributes = {} } = message;
  const received = toSqsRecord(message, queueArn);
  const record = largeEvent === undefined ? received : withStoredText(received, largeEvent);
  const reason = MessageAttributes.reason?.StringValue;
  const redrives = Number(MessageAttributes.redrives?.StringValue ?? 0) || 0;
  return {
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    ...readEvent(record),
    attempts: reason === undefined ? (redrives + 1) * MAXIMUM_DELIVERIES : 0,
    redrives,
    redriveOf: MessageAttributes.redriveOf?.StringValue,
    reason,
    storedKey: storedKeyOf(received),
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
