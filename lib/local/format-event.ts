import type { SQSRecord } from 'aws-lambda';
import { isObject } from '../feishu/envelope.ts';
import { toPrintable } from '../printable.ts';
import { decodeMessage } from '../queue-message.ts';
import { parseExactly } from '../tools/exact-json.ts';

const WITHHELD = '(withheld)';

/**
 * The event of a queue message as indented JSON, with integers above 2^53 as they came, and without its tokens: the
 * Verification Token vouches for events, a card's token changes the card.
 */
export function formatEvent(record: SQSRecord): string {
  try {
    const body = parseExactly(decodeMessage(record).text);
    return toPrintable(JSON.stringify(withoutTokens(body), null, 2));
  } catch {
    return toPrintable(record.body);
  }
}

/** The token is at the top level of v1.0 and of the old card, in the header of v2.0, and in the event of a callback. */
function withoutTokens(body: unknown): unknown {
  if (!isObject(body)) return body;
  const shown = { ...withoutToken(body) };
  for (const part of ['header', 'event']) {
    if (isObject(shown[part])) shown[part] = withoutToken(shown[part]);
  }
  return shown;
}

function withoutToken(part: Record<string, unknown>): Record<string, unknown> {
  return typeof part.token === 'string' && part.token !== '' ? { ...part, token: WITHHELD } : part;
}
