import type { SQSRecord } from 'aws-lambda';
import { decodeMessage } from '../queue/message.ts';
import { toPrintable } from '../util/printable.ts';
import { hideTokens } from './hide-tokens.ts';

/** The event of a queue message as indented JSON, with integers above 2^53 as they came, and without its tokens. */
export function formatEvent(record: SQSRecord): string {
  try {
    return toPrintable(hideTokens(decodeMessage(record).text));
  } catch {
    // Not the body as it is: its tokens would be shown.
    return `(message ${record.messageId} holds no event that can be shown)`;
  }
}
