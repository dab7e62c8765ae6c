import { expect, test } from 'vitest';
import { readDeadLetter } from '../../../lib/dead-letters/dead-letter.ts';
import { formatGroups, formatLetter, formatList } from '../../../lib/deploy/dlq/format.ts';
import { type EventEnvelope, parseEnvelope } from '../../../lib/feishu/envelope.ts';
import { encodeMessage } from '../../../lib/queue/message.ts';
import { createSample, textMessage } from '../../../lib/samples/samples.ts';
import { expectContentShown } from '../../support/written-output.ts';

const FORGED = 'No problems found.';
const NOW = Date.UTC(2026, 0, 1);

function letterWith(text: string) {
  const { schema, header, event } = JSON.parse(
    createSample('im.message.receive_v1', { version: '2.0', token: '', event: textMessage(text) }),
  );
  const json = JSON.stringify({ schema, header: { ...header, event_type: text, event_id: text }, event });
  const queued = { text: json, source: 'webhook', receivedAt: new Date(NOW), requestId: undefined } as const;
  const encoded = encodeMessage('http://localhost/queue', parseEnvelope(json) as EventEnvelope, queued);
  const { MessageBody: Body, MessageAttributes } = encoded;
  return readDeadLetter({ MessageId: 'm-1', Body, MessageAttributes, Attributes: {} }, 'arn:aws:sqs:::queue');
}

test.each(['\n', '\r\n', '\r', '\u2028', '\u2029', '\u0085', '\v', '\f', '\u001b[E'])(
  'a dead letter with %j in its type, id, text and reason cannot forge a line',
  (end) => {
    expectContentShown();
    const forged = `a${end}${FORGED}`;
    const letter = letterWith(forged);
    expect(letter.type).toBe(forged);
    const reasons = new Map([['m-1', { reason: `TypeError: ${forged}`, failedAt: new Date(NOW) }]]);
    const shown = [
      ...formatList([letter], reasons, NOW),
      ...formatGroups([letter], reasons),
      ...formatLetter(letter, reasons.get('m-1'), NOW),
    ];
    const lines = shown.join('\n').split(/[\n\r\u2028\u2029\u0085\v\f]/);
    expect(lines.filter((line) => line.startsWith(FORGED))).toEqual([]);
    expect(lines.join('')).toContain(FORGED);
    expect(shown.join('\n')).not.toMatch(/[^\P{Cc}\n]|[\u2028\u2029]/u);
    // The table has one line per dead letter.
    expect(formatList([letter], reasons, NOW).length).toBe(5);
  },
);
