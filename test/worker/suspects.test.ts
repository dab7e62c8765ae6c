import type { SQSRecord } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { deduplicationKey } from '../../lib/feishu/event-identity.ts';
import type { IdempotencyStore, LastRun } from '../../lib/store/idempotency.ts';
import { readDelivery } from '../../lib/worker/processor.ts';
import { findSuspects, suspectAll } from '../../lib/worker/suspects.ts';
import { createRecord } from './queue-records.ts';

const { signal } = new AbortController();

function keyOf(record: SQSRecord): string {
  const { envelope, text } = readDelivery(record);
  return deduplicationKey(envelope, text);
}

/** An idempotency store with the last runs of some messages' events. */
function storeOf(runs: [SQSRecord, LastRun][]) {
  const requests: string[][] = [];
  const known = new Map(runs.map(([record, run]) => [keyOf(record), run]));
  const lastRuns = async (keys: readonly string[], given: AbortSignal) => {
    expect(given).toBe(signal);
    requests.push([...keys]);
    return new Map(
      keys.flatMap((key): [string, LastRun][] => (known.has(key) ? [[key, known.get(key) as LastRun]] : [])),
    );
  };
  return { store: { lastRuns } as IdempotencyStore, requests };
}

const unfinished = (isolatedRuns = 0): LastRun => ({ state: 'unfinished', isolatedRuns });
const finished: LastRun = { state: 'finished', isolatedRuns: 0 };
const missing: LastRun = { state: 'missing', isolatedRuns: 0 };

describe('The suspects of a batch', () => {
  it('are none, without a request, if no message was delivered before', async () => {
    const { store, requests } = storeOf([]);
    expect(await findSuspects([createRecord('a'), createRecord('b')], store, signal)).toEqual(new Map());
    expect(requests).toEqual([]);
  });

  it('are the messages delivered before whose last delivery left no outcome', async () => {
    const isNew = createRecord('new');
    const failed = createRecord('failed', { attempt: 2 });
    const killed = createRecord('killed', { attempt: 2, type: 'example.killed_v1' });
    const noRecord = createRecord('no record', { attempt: 3 });
    const unread = createRecord('unread', { attempt: 4 });
    const { store, requests } = storeOf([
      [failed, finished],
      [killed, unfinished()],
      [noRecord, missing],
    ]);
    const records = [isNew, failed, killed, noRecord, unread];
    const type = 'example.thing.created_v1';
    expect(await findSuspects(records, store, signal)).toEqual(
      new Map([
        ['killed', { because: 'no outcome', type: 'example.killed_v1', attempt: 2, isolatedRuns: 0 }],
        ['no record', { because: 'no outcome', type, attempt: 3, isolatedRuns: 0 }],
        ['unread', { because: 'no outcome', type, attempt: 4, isolatedRuns: 0 }],
      ]),
    );
    expect(requests).toEqual([[failed, killed, noRecord, unread].map(keyOf)]);
  });

  it('include the copy of a dead letter at its first delivery only if the last run was not finished', async () => {
    const killed = createRecord('killed', { redriveOf: 'dead 1' });
    const noRecord = createRecord('no record', { redriveOf: 'dead 2' });
    const unread = createRecord('unread', { redriveOf: 'dead 3' });
    const { store } = storeOf([
      [killed, unfinished()],
      [noRecord, missing],
    ]);
    expect([...(await findSuspects([killed, noRecord, unread], store, signal)).keys()]).toEqual(['killed']);
  });

  it('include every message of a type that ended the function when it ran in isolation', async () => {
    const isNew = createRecord('new');
    const otherType = createRecord('other type', { type: 'example.other_v1' });
    const failed = createRecord('failed', { attempt: 2 });
    const harmful = createRecord('harmful', { attempt: 4 });
    const { store } = storeOf([
      [failed, finished],
      [harmful, unfinished(2)],
    ]);
    const type = 'example.thing.created_v1';
    expect(await findSuspects([isNew, otherType, failed, harmful], store, signal)).toEqual(
      new Map([
        ['harmful', { because: 'no outcome', type, attempt: 4, isolatedRuns: 2 }],
        ['new', { because: 'type', type, attempt: 1, isolatedRuns: 0 }],
        ['failed', { because: 'type', type, attempt: 2, isolatedRuns: 0 }],
      ]),
    );
  });

  it('do not include messages of the same type as one that never ran in isolation', async () => {
    const killed = createRecord('killed', { attempt: 2 });
    const { store } = storeOf([[killed, unfinished(0)]]);
    expect([...(await findSuspects([createRecord('new'), killed], store, signal)).keys()]).toEqual(['killed']);
  });

  it('do not include malformed messages, which run no handler', async () => {
    const { store, requests } = storeOf([]);
    const malformed = createRecord('malformed', { attempt: 2, body: 'not an event' });
    expect(await findSuspects([malformed], store, signal)).toEqual(new Map());
    expect(requests).toEqual([]);
  });

  it('are not known if the records cannot be read', async () => {
    const failure = new Error('DynamoDB is down');
    const store = { lastRuns: () => Promise.reject(failure) } as unknown as IdempotencyStore;
    await expect(findSuspects([createRecord('a', { attempt: 2 })], store, signal)).rejects.toBe(failure);
  });
});

describe('Without their records,', () => {
  it('all readable messages that were delivered before are suspects', () => {
    const records = [
      createRecord('new'),
      createRecord('second delivery', { attempt: 2, type: 'example.other_v1' }),
      createRecord('copy of a dead letter', { redriveOf: 'dead 1' }),
      createRecord('malformed', { attempt: 2, body: 'not an event' }),
    ];
    const type = 'example.thing.created_v1';
    expect(suspectAll(records)).toEqual(
      new Map([
        ['second delivery', { because: 'no outcome', type: 'example.other_v1', attempt: 2, isolatedRuns: 0 }],
        ['copy of a dead letter', { because: 'no outcome', type, attempt: 1, isolatedRuns: 0 }],
      ]),
    );
  });
});
