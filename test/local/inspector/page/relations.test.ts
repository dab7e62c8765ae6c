import { expect, test } from 'vitest';
import { findRelations } from '../../../../lib/local/inspector/page/relations.ts';
import type { EventRecord } from '../../../../lib/local/inspector/wire.ts';

const recordOf = (messageId: string, fields: Partial<EventRecord> = {}): EventRecord => ({
  ...{ messageId, id: 'e', type: 't', status: 'handled', attempts: 1, updatedAt: '2026-11-27T02:00:00.000Z' },
  ...fields,
});

test('the other deliveries of an event are its copies and redrives, oldest first', () => {
  const records = [
    recordOf('redriven', { redriveOf: 'dead' }),
    recordOf('again'),
    recordOf('of another event', { id: 'f' }),
    recordOf('of another type', { type: 'u' }),
    recordOf('dead', { status: 'redriven' }),
    recordOf('first'),
  ];
  const relationsOf = (messageId: string) => {
    const record = records.find((candidate) => candidate.messageId === messageId) as EventRecord;
    return findRelations(record, records).map(({ kind, record: other }) => [kind, other.messageId]);
  };
  expect(relationsOf('dead')).toEqual([
    ['copy-of', 'first'],
    ['sent-again', 'again'],
    ['redriven-as', 'redriven'],
  ]);
  expect(relationsOf('redriven')).toEqual([
    ['copy-of', 'first'],
    ['redrive-of', 'dead'],
    ['copy-of', 'again'],
  ]);
  expect(relationsOf('of another event')).toEqual([]);
});

test('rejected requests and events without an id have no relations', () => {
  const records = [recordOf('a'), recordOf('b')].map(({ id: _, ...record }) => record);
  expect(findRelations(records[0] as EventRecord, records)).toEqual([]);
});
