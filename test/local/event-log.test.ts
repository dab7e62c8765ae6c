import { expect, test } from 'vitest';
import { EventLog } from '../../lib/local/event-log.ts';
import { createRecord } from '../worker/queue-records.ts';

const idsOf = (log: EventLog) => log.list().map(({ messageId }) => messageId);
const MIB = 1024 * 1024;

test('the log keeps the last 10,000 events', () => {
  const log = new EventLog();
  for (let index = 0; index < 10_002; index++) log.failed(`m${index}`, 'no', 60);
  expect(log.list()).toHaveLength(10_000);
  expect(idsOf(log)[0]).toBe('m2');
  expect(log.find('m1')).toBeUndefined();
});

test('the log keeps only as many events with long texts as fit into 16 Mi characters', () => {
  const log = new EventLog();
  for (let index = 0; index < 20; index++) log.failed(`m${index}`, 'x'.repeat(MIB), 60);
  expect(idsOf(log)).toEqual(Array.from({ length: 16 }, (_, index) => `m${index + 4}`));
});

test('a changed record counts only with its newest text', () => {
  const log = new EventLog();
  for (let index = 0; index < 100; index++) log.failed('m', 'x'.repeat(MIB), 60);
  log.failed('other', 'short', 60);
  expect(idsOf(log)).toEqual(['m', 'other']);
});

test('the log keeps the last 100 rejected requests, which displace no event', () => {
  const log = new EventLog();
  log.failed('m', 'no', 60);
  const receivedAt = '2026-01-02T03:04:05.000Z';
  for (let index = 0; index < 102; index++) {
    log.rejected({ code: 'FEISHU_TOKEN_WRONG', reason: `${index} ${'x'.repeat(MIB)}`.slice(0, MIB / 8), receivedAt });
  }
  expect(idsOf(log)).toEqual(['m', ...Array.from({ length: 100 }, (_, index) => `rejected-${index + 3}`)]);
  expect(log.listEvents().map(({ messageId }) => messageId)).toEqual(['m']);
});

test.each(['limited', 'continued'] as const)('a delivery that ended as %s does not count as an attempt', (returned) => {
  const log = new EventLog();
  const deliver = (attempt: number, outcome: 'limited' | 'continued' | 'retrying') => {
    log.delivered(createRecord('m', { attempt }));
    log.processed({ messageId: 'm', outcome, milliseconds: 1 });
    return log.find('m');
  };
  for (let attempt = 1; attempt <= 7; attempt++) deliver(attempt, returned);
  expect(log.find('m')?.status).toBe(returned === 'limited' ? 'retrying' : 'continued');
  expect(deliver(8, 'retrying')).toMatchObject({ attempts: 1, status: 'retrying' });
  for (let attempt = 9; attempt <= 11; attempt++) deliver(attempt, 'retrying');
  expect(deliver(12, 'retrying')).toMatchObject({ attempts: 5, status: 'dead' });
  // Only until SQS moves it.
  log.delivered(createRecord('m', { attempt: 13 }));
  expect(log.find('m')).toMatchObject({ attempts: 5, status: 'dead' });
});

test('an event with an unknown envelope has the code of its reason, also after a restart, unlike a malformed message', () => {
  const log = new EventLog();
  const reason = 'FEISHU_ENVELOPE_UNKNOWN: The body is not a known kind of event';
  const received = { source: 'webhook', receivedAt: '', acknowledgedAt: '', text: '{}' } as const;
  log.accepted({ messageId: 'accepted', header: undefined, reason, ...received });
  log.restored({ record: createRecord('restored', { body: '{}' }), isDead: true, reason, returns: 0 });
  for (const id of ['accepted', 'restored']) {
    expect(log.find(id)).toMatchObject({ status: 'dead', code: 'FEISHU_ENVELOPE_UNKNOWN', lastError: reason });
    expect(log.find(id)?.type).toBeUndefined();
  }
  log.delivered(createRecord('malformed', { body: '{}' }));
  expect(log.find('malformed')).toMatchObject({ status: 'queued', type: '(malformed message)' });
  expect(log.find('malformed')?.code).toBeUndefined();
});

test('the log has the attempts at an event, and its next attempt only while it waits', () => {
  const log = new EventLog();
  const retryAt = '2026-01-02T03:05:00.000Z';
  log.delivered(createRecord('m', { attempt: 3 }));
  expect(log.attemptsOf('m')).toEqual([{ startedAt: expect.any(String) }]);
  expect(log.receiptHandleOf('m')).toBeUndefined();
  log.processed({ messageId: 'm', outcome: 'limited', milliseconds: 2, reason: 'slow down', retryAt });
  expect(log.find('m')).toMatchObject({ retryAt });
  expect(log.receiptHandleOf('m')).toBe('receipt of m');
  log.delivered(createRecord('m', { attempt: 4 }));
  expect(log.find('m')?.retryAt).toBeUndefined();
  expect(log.receiptHandleOf('m')).toBeUndefined();
  log.failed('m', 'The function ended', 60);
  const [limited, ended] = log.attemptsOf('m');
  expect(limited).toMatchObject({ outcome: 'limited', milliseconds: 2, reason: 'slow down' });
  expect(ended).toMatchObject({ outcome: 'retrying', reason: 'The function ended' });
  const seconds = Date.parse(log.find('m')?.retryAt ?? '') - Date.parse(ended?.startedAt ?? '');
  expect(seconds).toBe(60_000);
  log.delivered(createRecord('m', { attempt: 6 }));
  log.failed('m', 'The function ended', 60);
  expect(log.find('m')).toMatchObject({ status: 'dead', retryAt: undefined });
  // Only until SQS moves it.
  log.delivered(createRecord('m', { attempt: 7 }));
  expect(log.attemptsOf('m')).toHaveLength(3);
});
