import type { SQSRecord } from 'aws-lambda';
import { decodeMessage } from '../queue-message.ts';
import { parseExactly } from '../tools/exact-json.ts';

/** The event of a queue message as indented JSON, with integers above 2^53 as they came. */
export function formatEvent(record: SQSRecord): string {
  try {
    return JSON.stringify(parseExactly(decodeMessage(record).text), null, 2);
  } catch {
    return record.body;
  }
}
