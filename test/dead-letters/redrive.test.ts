import type { Message, SendMessageCommand, SendMessageCommandInput, SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { type DeadLetter, readDeadLetter } from '../../lib/dead-letters/dead-letter.ts';
import type { DeadLetterQueue } from '../../lib/dead-letters/dead-letter-queue.ts';
import { type RedriveResult, redrive } from '../../lib/dead-letters/redrive.ts';
import type { Selection } from '../../lib/dead-letters/visit.ts';
import type { LargeEvents } from '../../lib/queue/large-events.ts';

// Without queues. dead-letters.test.ts uses emulated queues and dead letters that the worker created.

const STANDARD = 'https://sqs.example/1/events';
const FIFO = `${STANDARD}.fifo`;

type Step = 'store' | 'send' | 'record' | 'remove';

interface World {
  url?: string;
  /** Dead letters whose copies an earlier redrive sent. */
  movedBefore?: string[];
  selection?: Selection;
  /** Runs before a step with a letter. */
  before?: (step: Step, messageId: string) => unknown;
}

const messageOf = (MessageId: string, message: Message = {}): Message => ({
  MessageId,
  ReceiptHandle: `receipt of ${MessageId}`,
  Body: `body of ${MessageId}`,
  Attributes: { SentTimestamp: '0' },
  ...message,
});

const inGroup = (messageId: string, group: string) =>
  messageOf(messageId, { Attributes: { SentTimestamp: '0', MessageGroupId: group } });

/** Redrives batches of dead letters. */
async function redriveAll(
  batches: Message[][],
  { url = STANDARD, movedBefore = [], selection = {}, before = () => {} }: World = {},
) {
  const steps: string[] = [];
  const sent: SendMessageCommandInput[] = [];
  const released: string[] = [];
  const progress: Pick<RedriveResult, 'moved' | 'movedBefore'>[] = [];
  const step = async (name: Step, messageId: string, more = '') => {
    await before(name, messageId);
    steps.push(`${name} ${messageId}${more}`);
  };
  const queue: DeadLetterQueue = {
    count: async () => ({ waiting: 0, hidden: 0 }),
    async *receive() {
      for (const batch of batches) yield batch.map((message) => readDeadLetter(message, ''));
    },
    remove: ({ messageId }) => step('remove', messageId),
    async release(letters) {
      released.push(...letters.map(({ messageId }) => messageId));
    },
  };
  const redrives = {
    successorOf: async (messageId: string) => (movedBefore.includes(messageId) ? 'a copy' : undefined),
    async recordSuccessor(messageId: string, copy: string) {
      await step('record', messageId, ` as ${copy}`);
      return copy;
    },
  };
  const sqs = {
    async send({ input }: SendMessageCommand) {
      const messageId = input.MessageAttributes?.redriveOf?.StringValue as string;
      await step('send', messageId);
      sent.push(input);
      return { MessageId: `copy of ${messageId}` };
    },
  } as unknown as SQSClient;
  const largeEvents: LargeEvents = {
    read: async (key) => Buffer.from(key),
    write: (key, content) => step('store', key, ` with ${content}`),
  };
  const { signal } = new AbortController();
  const result = await redrive({ queue, redrives, sqs, largeEvents, targetUrl: url }, selection, signal, (so) =>
    progress.push({ moved: so.moved, movedBefore: so.movedBefore }),
  );
  return { steps, sent, released, progress, result };
}

const idsOf = (failures: readonly { letter: DeadLetter }[]) => failures.map(({ letter }) => letter.messageId);

describe('A redrive', () => {
  it('stores a large event again before it sends the copy, and fails if that fails', async () => {
    const attribute = (StringValue: string) => ({ DataType: 'String', StringValue });
    const large = messageOf('a', { Body: 'events/a.json.gz', MessageAttributes: { encoding: attribute('s3') } });
    const { steps, sent } = await redriveAll([[large]]);
    expect(steps[0]).toBe('store events/a.json.gz with events/a.json.gz');
    expect(steps[1]).toBe('send a');
    expect(sent).toMatchObject([{ MessageBody: 'events/a.json.gz', MessageAttributes: { encoding: attribute('s3') } }]);

    const failed = await redriveAll([[large]], {
      before: (step) => step === 'store' && Promise.reject(new Error('S3 responded with 404')),
    });
    expect(failed).toMatchObject({ steps: [], released: ['a'] });
    expect(idsOf(failed.result.failures)).toEqual(['a']);
  });

  it('does not copy the reason of the intake, because the worker may fail for another', async () => {
    const reason = { DataType: 'String', StringValue: 'FEISHU_ENVELOPE_UNKNOWN: …' };
    const { sent } = await redriveAll([[messageOf('a', { MessageAttributes: { reason } })]]);
    expect(sent[0]?.MessageAttributes).not.toHaveProperty('reason');
  });

  it('sends each letter, records its copy, and only then deletes it', async () => {
    const { steps, released, result } = await redriveAll([[messageOf('a')]]);
    expect(steps).toEqual(['send a', 'record a as copy of a', 'remove a']);
    expect(released).toEqual([]);
    expect(result).toEqual({ moved: 1, movedBefore: 0, failures: [] });
  });

  it('deletes a letter whose copy an earlier redrive sent', async () => {
    const { steps, result } = await redriveAll([[messageOf('a'), messageOf('b')]], { movedBefore: ['a'] });
    expect(steps.filter((step) => step.endsWith(' a'))).toEqual(['remove a']);
    expect(result).toEqual({ moved: 1, movedBefore: 1, failures: [] });
  });

  it('reports its progress after each batch', async () => {
    const { progress } = await redriveAll([[messageOf('a'), messageOf('b')], [messageOf('c')], [messageOf('d')]], {
      movedBefore: ['c'],
    });
    expect(progress).toEqual([
      { moved: 2, movedBefore: 0 },
      { moved: 2, movedBefore: 1 },
      { moved: 3, movedBefore: 1 },
    ]);
  });

  it.each(['send', 'record', 'remove'] as const)('keeps a letter that fails at the step %s', async (failing) => {
    const failure = new Error('SQS is down');
    const { steps, released, result } = await redriveAll([[messageOf('a'), messageOf('b')]], {
      before(step, messageId) {
        if (step === failing && messageId === 'a') throw failure;
      },
    });
    expect(steps).not.toContain('remove a');
    expect(steps).toContain('remove b');
    expect(released).toEqual(['a']);
    expect(result).toMatchObject({ moved: 1, movedBefore: 0, failures: [{ error: failure }] });
    expect(idsOf(result.failures)).toEqual(['a']);
  });

  it('moves the selected letters only, and releases the others', async () => {
    const { sent, released } = await redriveAll([[messageOf('a'), messageOf('b')]], { selection: { messageId: 'b' } });
    expect(sent.map(({ MessageBody }) => MessageBody)).toEqual(['body of b']);
    expect(released).toEqual(['a']);
  });

  it('does not move its own copies if they become dead letters again', async () => {
    const copyOf = (dead: string) =>
      messageOf(`copy of ${dead}`, {
        MessageAttributes: { redriveOf: { DataType: 'String', StringValue: dead } },
      });
    const { released, result } = await redriveAll([[messageOf('a')], [copyOf('a'), copyOf('an older letter')]]);
    expect(released).toEqual(['copy of a']);
    expect(result.moved).toBe(2);
  });

  it('moves the letters of a standard queue concurrently', async () => {
    const bothStarted = Promise.withResolvers<void>();
    let started = 0;
    const { result } = await redriveAll([[inGroup('a', 'one'), inGroup('b', 'one')]], {
      async before(step) {
        if (step !== 'send') return;
        started += 1;
        if (started === 2) bothStarted.resolve();
        await bothStarted.promise;
      },
    });
    expect(result.moved).toBe(2);
  });

  it('on a standard queue, moves letters of a conversation even if an earlier one failed', async () => {
    const { result, released } = await redriveAll([[inGroup('a', 'one'), inGroup('b', 'one')]], {
      before(step, messageId) {
        if (step === 'send' && messageId === 'a') throw new Error('SQS is down');
      },
    });
    expect(result.moved).toBe(1);
    expect(released).toEqual(['a']);
  });

  it('on a FIFO queue, moves one letter after the other and keeps those behind a failed one', async () => {
    const messages = [inGroup('a1', 'a'), inGroup('b1', 'b'), inGroup('a2', 'a'), inGroup('b2', 'b')];
    const { steps, released, result } = await redriveAll([messages], {
      url: FIFO,
      before(step, messageId) {
        if (step === 'send' && messageId === 'b1') throw new Error('SQS is down');
      },
    });
    expect(steps).toEqual([
      'send a1',
      'record a1 as copy of a1',
      'remove a1',
      'send a2',
      'record a2 as copy of a2',
      'remove a2',
    ]);
    expect(released).toEqual(['b1', 'b2']);
    expect(idsOf(result.failures)).toEqual(['b1']);
  });
});

describe('The copy of a dead letter', () => {
  const text = (StringValue: string) => ({ DataType: 'String', StringValue });

  it('has its body and attributes, its id and the number of redrives', async () => {
    const MessageAttributes = {
      source: text('webhook'),
      picture: { DataType: 'Binary', BinaryValue: new Uint8Array([1, 2]) },
      redriveOf: text('an older letter'),
      redrives: { DataType: 'Number', StringValue: '2' },
    };
    const { sent } = await redriveAll([[messageOf('a', { MessageAttributes })]]);
    expect(sent).toEqual([
      {
        QueueUrl: STANDARD,
        MessageBody: 'body of a',
        MessageAttributes: {
          source: text('webhook'),
          picture: { DataType: 'Binary', BinaryValue: new Uint8Array([1, 2]) },
          redriveOf: text('a'),
          redrives: { DataType: 'Number', StringValue: '3' },
        },
      },
    ]);
    expect(Object.keys(sent[0]?.MessageAttributes?.source ?? {})).toEqual(['DataType', 'StringValue']);
  });

  it('is in the same conversation', async () => {
    const { sent } = await redriveAll([[inGroup('a', 'one'), messageOf('b')]]);
    expect(sent.map(({ MessageGroupId }) => MessageGroupId)).toEqual(['one', undefined]);
    expect(Object.hasOwn(sent[1] ?? {}, 'MessageGroupId')).toBe(false);
  });

  it('has one deduplication id for each letter on a FIFO queue', async () => {
    const first = await redriveAll([[inGroup('a', 'one'), inGroup('b', 'one')]], { url: FIFO });
    const second = await redriveAll([[inGroup('a', 'one')]], { url: FIFO });
    const ids = [...first.sent, ...second.sent].map((input) => input.MessageDeduplicationId);
    expect(ids[0]).toMatch(/^[\da-f]{64}$/);
    expect(ids[1]).not.toBe(ids[0]);
    expect(ids[2]).toBe(ids[0]);
  });

  it('has no deduplication id on a standard queue', async () => {
    const { sent } = await redriveAll([[messageOf('a')]]);
    expect(Object.keys(sent[0] ?? {})).not.toContain('MessageDeduplicationId');
  });
});
