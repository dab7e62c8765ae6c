import type { SQSRecord } from 'aws-lambda';

/** @returns the event's key in the bucket of large events, `undefined` if the message contains the event */
export function storedKeyOf({ body, messageAttributes }: SQSRecord): string | undefined {
  return messageAttributes.encoding?.stringValue === 's3' ? body : undefined;
}

/** Returns the message with its compressed event in place of the event's key in the bucket of large events. */
export function withStoredText(record: SQSRecord, compressed: Buffer): SQSRecord {
  const encoding = { dataType: 'String', stringValue: 'gzip' };
  return {
    ...record,
    body: compressed.toString('base64'),
    messageAttributes: { ...record.messageAttributes, encoding },
  };
}
