import type { Context, SQSRecord } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deliverBatch } from '../../lib/worker/isolation.ts';
import type { Suspect } from '../../lib/worker/suspects.ts';

// In simulated time. isolation.test.ts runs the whole worker.

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

interface Message {
  id: string;
  group?: string;
  /** How long its handler runs. Default: 1 */
  runsSeconds?: number;
  /** How long its handler then blocks everything else. */
  blocksSeconds?: number;
  /** If set, its handler fails, and the message is retried after this time. */
  retrySeconds?: number;
  suspect?: Partial<Suspect>;
}

/** A suspect that was delivered several times and never ended the process in isolation. */
const innocent = { attempt: 3 };

/**
 * Delivers a batch.
 *
 * @returns the ids of the messages it reports as failed, and each action with the second it happened at
 */
async function deliver(messages: Message[], { isFifo = false, remainingSeconds = 60 } = {}) {
  const startedAt = Date.now();
  const actions: string[] = [];
  const act = (text: string) => actions.push(`${(Date.now() - startedAt) / 1000} ${text}`);
  const messageOf = ({ messageId }: SQSRecord) => messages.find(({ id }) => id === messageId) as Message;
  const suspects = messages.flatMap(({ id, suspect }): [string, Suspect][] =>
    suspect ? [[id, { because: 'no outcome', type: id, attempt: 2, isolatedRuns: 0, ...suspect }]] : [],
  );
  const batch = {
    records: messages.map(
      ({ id, group }) => ({ messageId: id, attributes: { MessageGroupId: group } }) as unknown as SQSRecord,
    ),
    isFifo,
    suspects: new Map(suspects),
    context: { getRemainingTimeInMillis: () => startedAt + remainingSeconds * 1000 - Date.now() } as Context,
  };
  const reporting = deliverBatch(batch, {
    async deliver(record, suspect) {
      const { id, runsSeconds = 1, blocksSeconds = 0, retrySeconds } = messageOf(record);
      expect(suspect).toBe(batch.suspects.get(id));
      act(`start ${id}`);
      await new Promise((resolve) => setTimeout(resolve, runsSeconds * 1000));
      vi.setSystemTime(Date.now() + blocksSeconds * 1000);
      act(`end ${id}`);
      return retrySeconds;
    },
    async remove(records) {
      act(`remove ${records.map(({ messageId }) => messageId).join(' ')}`);
    },
    async postpone({ messageId }, seconds) {
      act(`postpone ${messageId} by ${seconds}`);
    },
    async skip({ messageId }, seconds) {
      act(`skip ${messageId} for ${seconds}`);
    },
  });
  await vi.runAllTimersAsync();
  const failed = (await reporting).map(({ messageId }) => messageId);
  return { failed, actions };
}

describe('A batch without suspects', () => {
  it('is delivered concurrently, and reports the failed messages', async () => {
    const { failed, actions } = await deliver([{ id: 'a' }, { id: 'b', retrySeconds: 8 }, { id: 'c' }]);
    expect(failed).toEqual(['b']);
    expect(actions).toEqual(['0 start a', '0 start b', '0 start c', '1 end a', '1 end b', '1 end c']);
  });

  it('is delivered completely, even if it takes more than half of the time', async () => {
    const { failed, actions } = await deliver(
      [
        { id: 'a1', group: 'a', runsSeconds: 40 },
        { id: 'a2', group: 'a' },
      ],
      { isFifo: true },
    );
    expect(failed).toEqual([]);
    expect(actions.at(-1)).toBe('41 end a2');
  });

  it('keeps the order of groups on a FIFO queue only', async () => {
    const messages = [
      { id: 'a1', group: 'a', runsSeconds: 3 },
      { id: 'b1', group: 'b' },
      { id: 'a2', group: 'a' },
    ];
    const fifo = await deliver(messages, { isFifo: true });
    expect(fifo.actions).toEqual(['0 start a1', '0 start b1', '1 end b1', '3 end a1', '3 start a2', '4 end a2']);
    const standard = await deliver(messages);
    expect(standard.actions.slice(0, 3)).toEqual(['0 start a1', '0 start b1', '0 start a2']);
  });

  it('postpones what follows a failed message in its group by the same time', async () => {
    const { failed, actions } = await deliver(
      [
        { id: 'a1', group: 'a' },
        { id: 'a2', group: 'a', retrySeconds: 8 },
        { id: 'a3', group: 'a' },
        { id: 'a4', group: 'a' },
      ],
      { isFifo: true },
    );
    expect(failed).toEqual(['a2', 'a3', 'a4']);
    expect(actions.slice(2)).toEqual(['1 start a2', '2 end a2', '2 postpone a3 by 8', '2 postpone a4 by 8']);
  });
});

describe('Suspects', () => {
  it('run one at a time after the others, which are removed from the queue before', async () => {
    const { failed, actions } = await deliver([
      { id: 'first suspect', suspect: {} },
      { id: 'a', runsSeconds: 2 },
      { id: 'failed', retrySeconds: 8 },
      { id: 'second suspect', suspect: {} },
      { id: 'b' },
    ]);
    expect(failed).toEqual(['failed']);
    expect(actions.slice(3)).toEqual([
      '1 end failed',
      '1 end b',
      '2 end a',
      '2 remove b a',
      '2 start first suspect',
      '3 end first suspect',
      '3 remove first suspect',
      '3 start second suspect',
      '4 end second suspect',
    ]);
  });

  it('that fail are reported and not removed', async () => {
    const { failed, actions } = await deliver([
      { id: 'fails', retrySeconds: 8, suspect: {} },
      { id: 'other', suspect: {} },
    ]);
    expect(failed).toEqual(['fails']);
    expect(actions).toEqual(['0 start fails', '1 end fails', '1 start other', '2 end other']);
  });

  it('that are most likely innocent run before everything else', async () => {
    const { actions } = await deliver([
      { id: 'new' },
      { id: 'delivered twice', suspect: { attempt: 2 } },
      { id: 'innocent', suspect: innocent },
      { id: 'fails', suspect: innocent, retrySeconds: 8 },
    ]);
    expect(actions).toEqual([
      '0 start innocent',
      '1 end innocent',
      '1 remove innocent',
      '1 start fails',
      '2 end fails',
      '2 start new',
      '3 end new',
      '3 remove new',
      '3 start delivered twice',
      '4 end delivered twice',
    ]);
  });

  it('that are innocent are removed before the others start', async () => {
    const { actions } = await deliver([{ id: 'new' }, { id: 'innocent', suspect: innocent }]);
    expect(actions).toEqual(['0 start innocent', '1 end innocent', '1 remove innocent', '1 start new', '2 end new']);
  });

  it('run in the order of their harm and their remaining deliveries', async () => {
    const { actions } = await deliver([
      { id: 'ended the process twice', suspect: { attempt: 4, isolatedRuns: 2 } },
      { id: 'ended the process', suspect: { attempt: 4, isolatedRuns: 1, type: 'harmful' } },
      { id: 'of a harmful type', suspect: { attempt: 4, type: 'harmful' } },
      { id: 'delivered twice', suspect: { attempt: 2 } },
      { id: 'also delivered twice', suspect: { attempt: 2 } },
      { id: 'delivered three times', suspect: { attempt: 3 } },
      { id: 'delivered four times', suspect: { attempt: 4 } },
      { id: 'ended the process, delivered five times', suspect: { attempt: 5, isolatedRuns: 1 } },
    ]);
    const starts = actions.filter((action) => action.includes('start'));
    expect(starts.map((action) => action.replace(/^\d+ start /, ''))).toEqual([
      'delivered four times',
      'delivered three times',
      'delivered twice',
      'also delivered twice',
      'of a harmful type',
      'ended the process, delivered five times',
      'ended the process',
      'ended the process twice',
    ]);
  });

  it('hold back what follows them in their group, which then runs in isolation before other suspects', async () => {
    const { failed, actions } = await deliver(
      [
        { id: 'b1, suspect', group: 'b', suspect: { isolatedRuns: 1 } },
        { id: 'a1', group: 'a' },
        { id: 'a2, suspect', group: 'a', suspect: {} },
        { id: 'a3', group: 'a' },
      ],
      { isFifo: true },
    );
    expect(failed).toEqual([]);
    expect(actions.filter((action) => !action.includes('remove'))).toEqual([
      '0 start a1',
      '1 end a1',
      '1 start a2, suspect',
      '2 end a2, suspect',
      '2 start a3',
      '3 end a3',
      '3 start b1, suspect',
      '4 end b1, suspect',
    ]);
  });

  it('postpone the rest of their group if they fail', async () => {
    const { failed, actions } = await deliver(
      [
        { id: 'a1', group: 'a', suspect: innocent, retrySeconds: 8 },
        { id: 'a2', group: 'a', suspect: innocent },
        { id: 'b1', group: 'b' },
      ],
      { isFifo: true },
    );
    expect(failed).toEqual(['a1', 'a2']);
    expect(actions).toEqual(['0 start a1', '1 end a1', '1 postpone a2 by 8', '1 start b1', '2 end b1']);
  });

  it('that are innocent wait for the messages before them in their group', async () => {
    const { actions } = await deliver(
      [
        { id: 'a1', group: 'a' },
        { id: 'a2', group: 'a', suspect: innocent },
        { id: 'b1', group: 'b', suspect: innocent },
      ],
      { isFifo: true },
    );
    expect(actions.filter((action) => !action.includes('remove'))).toEqual([
      '0 start b1',
      '1 end b1',
      '1 start a1',
      '2 end a1',
      '2 start a2',
      '3 end a2',
    ]);
  });
});

describe('After half of the time,', () => {
  it('the others start although an innocent suspect still runs, and no further suspect does', async () => {
    const { failed, actions } = await deliver([
      { id: 'new' },
      { id: 'slow', suspect: innocent, runsSeconds: 40 },
      { id: 'also innocent', suspect: innocent },
      { id: 'delivered twice', suspect: {} },
    ]);
    expect(failed).toEqual(['also innocent', 'delivered twice']);
    expect(actions).toEqual([
      '0 start slow',
      '30 start new',
      '31 end new',
      '40 end slow',
      '40 remove new slow',
      '40 skip also innocent for 1',
      '40 skip delivered twice for 2',
    ]);
  });

  it('a group whose innocent suspect still runs waits for it', async () => {
    const { failed, actions } = await deliver(
      [
        { id: 'a1', group: 'a', suspect: innocent, runsSeconds: 40 },
        { id: 'a2', group: 'a' },
        { id: 'a3', group: 'a' },
        { id: 'b1', group: 'b' },
      ],
      { isFifo: true },
    );
    expect(failed).toEqual(['a2', 'a3']);
    expect(actions).toEqual([
      '0 start a1',
      '30 start b1',
      '31 end b1',
      '40 end a1',
      '40 remove b1 a1',
      '40 skip a2 for 1',
      '40 skip a3 for 1',
    ]);
  });

  it('one suspect starts although the others still run', async () => {
    const { failed, actions } = await deliver([
      { id: 'slow', runsSeconds: 40 },
      { id: 'blocking', blocksSeconds: 5 },
      { id: 'first suspect', suspect: {} },
      { id: 'second suspect', suspect: {} },
    ]);
    expect(failed).toEqual(['second suspect']);
    expect(actions.slice(2)).toEqual([
      '6 end blocking',
      '35 remove blocking',
      '35 start first suspect',
      '36 end first suspect',
      '45 end slow',
      '45 skip second suspect for 1',
    ]);
  });

  it('a suspect does not start in a group whose messages still run', async () => {
    const { failed, actions } = await deliver(
      [
        { id: 'a1', group: 'a', runsSeconds: 40 },
        { id: 'a2', group: 'a', suspect: {} },
        { id: 'b1', group: 'b', suspect: { isolatedRuns: 1 } },
      ],
      { isFifo: true },
    );
    expect(failed).toEqual(['a2']);
    expect(actions).toEqual(['0 start a1', '30 start b1', '31 end b1', '40 end a1', '40 skip a2 for 1']);
  });

  it('no further suspect starts, but one does at exactly half', async () => {
    const { failed, actions } = await deliver([
      { id: 'first', suspect: {}, runsSeconds: 30 },
      { id: 'second', suspect: {} },
      { id: 'third', suspect: {} },
    ]);
    expect(failed).toEqual(['third']);
    expect(actions).toEqual([
      '0 start first',
      '30 end first',
      '30 remove first',
      '30 start second',
      '31 end second',
      '31 skip third for 1',
    ]);
  });

  it('the other suspects do not start, even if the innocent ones ended in time', async () => {
    const { failed, actions } = await deliver([
      { id: 'innocent', suspect: innocent, runsSeconds: 20 },
      { id: 'slow', runsSeconds: 20 },
      { id: 'delivered twice', suspect: {} },
    ]);
    expect(failed).toEqual(['delivered twice']);
    expect(actions).toEqual([
      '0 start innocent',
      '20 end innocent',
      '20 remove innocent',
      '20 start slow',
      '40 end slow',
      '40 skip delivered twice for 1',
    ]);
  });
});
