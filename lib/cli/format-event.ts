import type { SQSRecord } from 'aws-lambda';
import { decodeMessage } from '../queue/message.ts';
import { toPrintable } from '../util/printable.ts';
import { hideTokens } from './hide-tokens.ts';

/** Formats the event of a queue message as indented JSON, without its tokens and with integers above 2^53 intact. */
export function formatEvent(record: SQSRecord): string {
  try {
    return toPrintable(hideTokens(decodeMessage(record).text));
  } catch {
    // The raw body would show tokens.
    return `(message ${record.messageId} does not contain a readable event)`;
  }
}
