import type { Context, SQSRecord } from 'aws-lambda';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type BatchActions, deliverBatch } from '../../lib/worker/isolation.ts';
import type { Suspect } from '../../lib/worker/suspects.ts';

afterEach(() => {
  vi.useRealTimers();
});

const TIME_MILLISECONDS = 60_000;

/** Starts a batch whose message ids are their group and a number: `a1`, `a2`, `b1`. */
function startBatch(
  names: string[],
  suspects: Record<string, Partial<Suspect>>,
  options: { isFifo?: boolean; deliver?: (name: string) => Promise<number | undefined> } = {},
) {
  const remaining = { milliseconds: TIME_MILLISECONDS };
  const done: string[] = [];
  const running = new Set<string>();
  const nameOf = ({ messageId }: SQSRecord) => messageId;
  const actions: BatchActions = {
    async deliver(record) {
      const name = nameOf(record);
      running.add(name);
      done.push(running.size === 1 ? name : `${name} with others`);
      const seconds = await (options.deliver?.(name) ??
        new Promise<undefined>((resolve) => setImmediate(resolve, undefined)));
      running.delete(name);
      return seconds;
    },
    async remove(records) {
      done.push(`remove ${records.map(nameOf).toSorted().join(' ')}`);
    },
    async postpone(record, seconds) {
      done.push(`postpone ${nameOf(record)} ${seconds}`);
    },
    async skip(record, seconds) {
      done.push(`skip ${nameOf(record)} ${seconds}`);
    },
  };
  const records = names.map((messageId) => ({ messageId, attributes: { MessageGroupId: messageId[0] } }) as SQSRecord);
  const batch = {
    records,
    isFifo: options.isFifo ?? false,
    suspects: new Map<string, Suspect>(
      Object.entries(suspects).map(([name, suspect]) => [
        name,
        { because: 'no outcome', type: 'type', attempt: 2, isolatedRuns: 0, ...suspect },
      ]),
    ),
    context: { getRemainingTimeInMillis: () => remaining.milliseconds } as Context,
  };
  const failed = deliverBatch(batch, actions).then((all) => all.map(nameOf));
  return { failed, done, remaining };
}

describe('A batch', () => {
  it('without suspects runs concurrently and deletes no messages', async () => {
    const { failed, done } = startBatch(['a1', 'b1', 'c1'], {});
    expect(await failed).toEqual([]);
    expect(done).toEqual(['a1', 'b1 with others', 'c1 with others']);
  });

  it('runs suspects in isolation after everything else is deleted', async () => {
    const { failed, done } = startBatch(['a1', 'b1', 'c1', 'd1'], { a1: {}, c1: {} });
    expect(await failed).toEqual([]);
    expect(done).toEqual(['b1', 'd1 with others', 'remove b1 d1', 'a1', 'remove a1', 'c1']);
  });

  it('runs suspects that ended the process in isolation last, together with others of their type', async () => {
    const { done, failed } = startBatch(['a1', 'b1', 'c1', 'd1', 'e1'], {
      a1: { type: 'harmful', isolatedRuns: 2 },
      b1: { type: 'harmful' },
      c1: { type: 'harmful', isolatedRuns: 1 },
      d1: { type: 'innocent' },
      e1: { type: 'innocent', attempt: 4 },
    });
    await failed;
    expect(done.filter((one) => !one.startsWith('remove'))).toEqual(['e1', 'd1', 'b1', 'c1', 'a1']);
  });

  it('runs suspects first that were delivered often and never ended the process in isolation', async () => {
    const { failed, done } = startBatch(['a1', 'b1', 'c1', 'd1', 'e1'], {
      b1: {},
      c1: { attempt: 3 },
      d1: { attempt: 4 },
      e1: { attempt: 4, type: 'harmful', isolatedRuns: 1 },
    });
    expect(await failed).toEqual([]);
    expect(done.filter((one) => !one.startsWith('remove'))).toEqual(['d1', 'c1', 'a1', 'b1', 'e1']);
    // Deleted before the next suspect starts, which may end the process.
    expect(done.filter((one) => one.startsWith('remove'))).toEqual([
      'remove d1',
      'remove c1',
      'remove a1',
      'remove b1',
    ]);
  });

  it('delays new events by at most half of the time if a suspect is slow', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const slow = Promise.withResolvers<undefined>();
    const newEventRan = Promise.withResolvers<void>();
    const { failed, done, remaining } = startBatch(
      ['a1', 'b1', 'c1', 'd1'],
      { b1: { attempt: 3 }, c1: { attempt: 3 }, d1: {} },
      {
        async deliver(name) {
          if (name === 'b1') return slow.promise;
          if (name === 'a1') newEventRan.resolve();
          return undefined;
        },
      },
    );
    remaining.milliseconds = TIME_MILLISECONDS / 2 - 1;
    await vi.advanceTimersByTimeAsync(TIME_MILLISECONDS / 2);
    await newEventRan.promise;
    slow.resolve(undefined);
    expect(await failed).toEqual(['c1', 'd1']);
    expect(done).toEqual(['b1', 'a1 with others', 'remove a1 b1', 'skip c1 1', 'skip d1 2']);
  });

  it('reports failed messages and does not delete them', async () => {
    const deliver = async (name: string) => (name === 'a1' || name === 'c1' ? 8 : undefined);
    const { failed, done } = startBatch(['a1', 'b1', 'c1'], { c1: {} }, { deliver });
    expect(await failed).toEqual(['a1', 'c1']);
    expect(done).toEqual(['a1', 'b1 with others', 'remove b1', 'c1']);
  });

  it('starts only the first suspect in the second half of its time, and returns the rest with staggered delays', async () => {
    const names = ['a1', 'b1', 'c1', 'd1'];
    const batch = startBatch(names, Object.fromEntries(names.map((name) => [name, {}])), {
      async deliver() {
        batch.remaining.milliseconds -= TIME_MILLISECONDS / 4 + 1;
        return undefined;
      },
    });
    // After the first suspect about 45 of 60 s are left, after the second less than 30.
    expect(await batch.failed).toEqual(['c1', 'd1']);
    expect(batch.done).toEqual(['a1', 'remove a1', 'b1', 'skip c1 1', 'skip d1 2']);
  });

  it('gives the first suspect half of the time even if another event is slow', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const slow = Promise.withResolvers<undefined>();
    const suspectRan = Promise.withResolvers<void>();
    const { failed, done, remaining } = startBatch(
      ['a1', 'b1', 'c1'],
      { c1: {} },
      {
        async deliver(name) {
          if (name === 'a1') return slow.promise;
          if (name === 'c1') suspectRan.resolve();
          return undefined;
        },
      },
    );
    remaining.milliseconds = TIME_MILLISECONDS / 2 - 1;
    await vi.advanceTimersByTimeAsync(TIME_MILLISECONDS / 2);
    await suspectRan.promise;
    slow.resolve(undefined);
    expect(await failed).toEqual([]);
    expect(done).toEqual(['a1', 'b1 with others', 'remove b1', 'c1 with others']);
  });
});

describe('A FIFO batch', () => {
  it('keeps the order of each group that contains a suspect', async () => {
    const names = ['a1', 'b1', 'a2', 'b2', 'a3', 'c1'];
    const { failed, done } = startBatch(names, { a2: {}, c1: {} }, { isFifo: true });
    expect(await failed).toEqual([]);
    const order = done.filter((one) => !one.startsWith('remove')).map((one) => one.slice(0, 2));
    expect(order.filter((name) => name.startsWith('a'))).toEqual(['a1', 'a2', 'a3']);
    expect(order.slice(-3).toSorted()).toEqual(['a2', 'a3', 'c1']);
    expect(done).toContain('a2');
    expect(done).toContain('c1');
  });

  it('postpones the messages behind a failed suspect of their group, and continues with other groups', async () => {
    const deliver = async (name: string) => (name === 'a1' ? 64 : undefined);
    const { failed, done } = startBatch(
      ['a1', 'a2', 'b1', 'a3'],
      { a1: { attempt: 3 }, b1: {} },
      { isFifo: true, deliver },
    );
    expect(await failed).toEqual(['a1', 'a2', 'a3']);
    expect(done).toEqual(['a1', 'postpone a2 64', 'postpone a3 64', 'b1']);
  });
});
