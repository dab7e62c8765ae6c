import { formatEvent } from '../../cli/format-event.ts';
import type { DeadLetter } from '../../dead-letters/dead-letter.ts';
import type { FailureReason } from '../../store/failure-reasons.ts';
import { toSingleLine } from '../../util/printable.ts';

export type ReasonsByMessage = ReadonlyMap<string, FailureReason>;

const UNKNOWN_REASON =
  'unknown: the worker ended before it stored one (timeout or out of memory?), or another program sent the message';

/** Formats the dead letters: a count by type and reason, then one line for each. */
export function formatList(letters: readonly DeadLetter[], reasons: ReasonsByMessage, now: number): string[] {
  if (letters.length === 0) return ['No dead letters.'];
  const ages = letters.map((letter) => formatAge(now - letter.receivedAt.getTime()));
  const rows = letters.map(({ messageId, type, eventId = '-', attempts }, index) => [
    messageId,
    type,
    eventId,
    ages[index] as string,
    `${attempts}`,
    reasonOf(messageId, reasons),
  ]);
  return [
    ...formatGroups(letters, reasons),
    '',
    ...formatTable([['message', 'type', 'event', 'age', 'attempts', 'reason'], ...rows]),
  ];
}

/** Formats the number of dead letters by type and reason, largest first. */
export function formatGroups(letters: readonly DeadLetter[], reasons: ReasonsByMessage): string[] {
  const groups = Map.groupBy(letters, ({ type, messageId }) => JSON.stringify([type, reasonOf(messageId, reasons)]));
  const rows = [...groups]
    .toSorted(([, one], [, other]) => other.length - one.length)
    .map(([key, { length }]) => [`${length}`, ...(JSON.parse(key) as string[])]);
  return formatTable([['count', 'type', 'reason'], ...rows]);
}

/** Formats everything about one dead letter, including its event. */
export function formatLetter(letter: DeadLetter, failure: FailureReason | undefined, now: number): string[] {
  const { messageId, type, eventId, receivedAt, attempts, redrives, record } = letter;
  const rows = [
    ['message', messageId],
    ['type', type],
    ['event', eventId ?? '-'],
    ['received', `${receivedAt.toISOString()} (${formatAge(now - receivedAt.getTime())} ago)`],
    ['attempts', `${attempts}${redrives > 0 ? `, redriven ${redrives} times` : ''}`],
    ['failed', failure?.failedAt.toISOString() ?? '-'],
    ['reason', failure?.reason ?? UNKNOWN_REASON],
  ];
  return [
    ...formatTable(rows),
    '',
    'The decrypted event as the platform sent it. It may contain what people wrote.',
    formatEvent(record),
  ];
}

function reasonOf(messageId: string, reasons: ReasonsByMessage): string {
  return reasons.get(messageId)?.reason ?? UNKNOWN_REASON;
}

function formatTable(texts: readonly string[][]): string[] {
  const rows = texts.map((row) => row.map(toSingleLine));
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (row: string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return rows.map((row) => line(row).trimEnd());
}

const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
] as const;

function formatAge(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const [unit, length] = UNITS.find(([, unitSeconds]) => seconds >= unitSeconds) ?? (['s', 1] as const);
  return `${Math.floor(seconds / length)} ${unit}`;
}
