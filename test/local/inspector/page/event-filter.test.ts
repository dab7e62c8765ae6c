import { describe, expect, it } from 'vitest';
import { type EventFilter, filterEvents } from '../../../../lib/local/inspector/page/event-filter.ts';
import type { EventRecord } from '../../../../lib/local/inspector/wire.ts';

const NOW = Date.UTC(2026, 10, 27, 12);
const minutesAgo = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();
const RECORDS: EventRecord[] = [
  { messageId: '1', type: 'message', status: 'handled', attempts: 1, source: 'webhook', updatedAt: minutesAgo(1) },
  {
    ...{ messageId: '2', type: 'approval', status: 'dead', attempts: 5, source: 'long-connection' },
    ...{ updatedAt: minutesAgo(30), lastError: 'The database is down' },
  },
  { messageId: '3', code: 'FEISHU_TOKEN_WRONG', status: 'rejected', attempts: 0, updatedAt: minutesAgo(90) },
];

describe('The events', () => {
  it.each<[string, EventFilter, string[]]>([
    ['nothing', { query: '' }, ['1', '2', '3']],
    ['a word of the type', { query: 'APPRO' }, ['2']],
    ['two words of the error', { query: 'down database' }, ['2']],
    ['an error code', { query: 'token_wrong' }, ['3']],
    ['their status', { query: '', status: 'handled' }, ['1']],
    ['their source', { query: '', source: 'long-connection' }, ['2']],
    ['their time', { query: '', withinMinutes: 60 }, ['1', '2']],
    ['the time at which they were cleared', { query: '', clearedAt: NOW - 10 * 60_000 }, ['1']],
    ['several conditions', { query: 'message', status: 'dead' }, []],
  ])('are filtered by %s', (_, filter, expected) => {
    expect(filterEvents(RECORDS, filter, new Set(), NOW).map(({ messageId }) => messageId)).toEqual(expected);
  });

  it('match a query by their content', () => {
    const find = (filter: EventFilter) =>
      filterEvents(RECORDS, filter, new Set(['1', '2']), NOW).map(({ messageId }) => messageId);
    expect(find({ query: 'invoice' })).toEqual(['1', '2']);
    expect(find({ query: 'invoice', status: 'dead' })).toEqual(['2']);
  });
});
