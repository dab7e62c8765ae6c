import type { EventRecord, EventStatus } from '../wire.ts';

export interface EventFilter {
  /** Words that the type, the ids, the error or the content must contain. */
  query: string;
  status?: EventStatus;
  source?: EventRecord['source'];
  /** Only events that changed within this time. */
  withinMinutes?: number;
  /** In milliseconds since 1970. Events that have not changed since are hidden. */
  clearedAt?: number;
}

/**
 * @param contentMatches message ids of the events whose content matches the query
 * @param now in milliseconds since 1970
 */
export function filterEvents(
  records: readonly EventRecord[],
  filter: EventFilter,
  contentMatches: ReadonlySet<string>,
  now: number,
): EventRecord[] {
  const words = filter.query.toLowerCase().split(/\s+/);
  const after = Math.max(
    filter.clearedAt ?? 0,
    filter.withinMinutes === undefined ? 0 : now - filter.withinMinutes * 60_000,
  );
  return records.filter((record) => {
    if (filter.status !== undefined && record.status !== filter.status) return false;
    if (filter.source !== undefined && record.source !== filter.source) return false;
    if (after > 0 && Date.parse(record.updatedAt) <= after) return false;
    if (contentMatches.has(record.messageId)) return true;
    const { type, code, id, messageId, source, lastError } = record;
    const text = [type, code, id, messageId, source, record.status, lastError].join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
