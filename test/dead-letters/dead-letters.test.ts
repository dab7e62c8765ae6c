import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, test } from 'vitest';
import { openDeadLetterQueue } from '../../lib/dead-letters/dead-letter-queue.ts';
import { redrive } from '../../lib/dead-letters/redrive.ts';
import { emulatedQueues, failing } from './emulated-queues.ts';

// The worker creates the dead letters. dead-letters.long.test.ts tests rarer letters, replies and interruptions.

const queues = emulatedQueues('none');

describe('A dead letter', () => {
  test('is listed with its type, event, attempts and failure reason', async () => {
    const [id] = await queues.makeDead(['contact.user.created_v3']);
    const { lines } = await queues.run(({ list }) => list({}));
    const line = lines.find((one) => one.startsWith(id as string));
    expect(line).toMatch(/contact\.user\.created_v3 {2}event-0 {2}\d+ s {2}5 +TypeError: the approval has no number$/);
  });

  test('is counted with others of the same type and reason', async () => {
    await queues.makeDead(['a.one_v1', 'a.one_v1', 'a.two_v1']);
    const { lines } = await queues.run(({ list }) => list({}));
    expect(lines.slice(0, 3).map((line) => line.split(/ {2,}/).slice(0, 2))).toEqual([
      ['count', 'type'],
      ['2', 'a.one_v1'],
      ['1', 'a.two_v1'],
    ]);
  });

  test('stays in the queue and visible after it was listed', async () => {
    await queues.makeDead(['a.one_v1', 'a.two_v1']);
    await queues.run(({ list }) => list({ type: 'a.one_v1', maximum: 1 }));
    expect(await queues.deadLetterCounts()).toEqual({ visible: 2, hidden: 0 });
  });

  test('that is not an event and has no failure reason is listed as such', async () => {
    await queues.emulators.sqs.send(
      new SendMessageCommand({ QueueUrl: queues.emulators.deadLetterQueueUrl, MessageBody: 'junk' }),
    );
    const { lines } = await queues.run(({ list }) => list({ type: 'unreadable' }));
    expect(lines.at(-1)).toMatch(/^[\w-]{36} {2}unreadable .* unknown: the worker ended/);
  });

  test('is shown with its decrypted event, which is announced', async () => {
    const [, id] = await queues.makeDead(['a.one_v1', 'a.two_v1']);
    const { lines } = await queues.run(({ show }) => show(id as string));
    const text = lines.join('\n');
    expect(text).toMatch(/reason +TypeError: the approval has no number/);
    expect(text).toContain('The decrypted event');
    // Above 2^53, where JSON.parse would round.
    expect(text).toContain('"number": 9007199254740993');
    expect(await queues.deadLetterCounts()).toEqual({ visible: 2, hidden: 0 });
  });

  test('that does not exist is an error with advice', async () => {
    await expect(queues.run(({ show }) => show(randomUUID()))).rejects.toThrow(/dlq list/);
  });
});

describe('redrive', () => {
  test('sends the unchanged event to its handler again, and empties the dead-letter queue', async () => {
    await queues.makeDead(['a.one_v1']);
    const seen: object[] = [];
    queues.handle = (event) => seen.push(event);
    const { lines } = await queues.run(({ redrive }) => redrive({}));
    expect(lines).toEqual(['1 moved back to the events queue.']);
    await queues.workUntilQuiet();
    expect(seen).toEqual([expect.objectContaining({ index: 0, text: '你好 👋' })]);
    expect(await queues.deadLetterCounts()).toEqual({ visible: 0, hidden: 0 });
  });

  test('moves only the given type and number, and leaves the rest visible', async () => {
    await queues.makeDead(['a.one_v1', 'a.two_v1', 'a.two_v1', 'a.two_v1']);
    await queues.run(({ redrive }) => redrive({ type: 'a.two_v1', maximum: 2 }));
    const types = (await queues.receiveAll(queues.emulators.queueUrl)).map(
      ({ Body = '' }) => JSON.parse(Body).header.event_type,
    );
    expect(types).toEqual(['a.two_v1', 'a.two_v1']);
    expect(await queues.deadLetterCounts()).toEqual({ visible: 2, hidden: 0 });
  });

  test('adds to the attempts of an event that is dead-lettered again', async () => {
    await queues.makeDead(['a.one_v1']);
    await queues.run(({ redrive }) => redrive({}));
    await queues.workUntilQuiet();
    const { lines } = await queues.run(({ list }) => list({}));
    expect(lines.at(-1)).toMatch(/event-0 {2}\d+ s {2}10 +TypeError/);
  });

  test('sends no second copy after an interruption before deleting', async () => {
    await queues.makeDead(['a.one_v1']);
    const queue = openDeadLetterQueue(failing('DeleteMessageCommand'), queues.emulators.deadLetterQueueUrl);
    await redrive({ ...queues.redriveParts(), queue }, {}, new AbortController().signal, () => {});
    expect(await queues.deadLetterCounts()).toEqual({ visible: 1, hidden: 0 });
    const { lines } = await queues.run(({ redrive }) => redrive({}));
    expect(lines).toEqual(['0 moved back to the events queue.', '1 already moved by an interrupted run, now deleted.']);
    expect(await queues.eventCounts()).toEqual({ visible: 1, hidden: 0 });
    expect(await queues.deadLetterCounts()).toEqual({ visible: 0, hidden: 0 });
  });
});

describe('redrive on a FIFO queue', () => {
  // SQS returns several letters of a conversation at once; fauxqs returns one.
  test('sends the letters of a conversation one after the other', async () => {
    const sent: string[] = [];
    await queues.redriveBatch(['a 1', 'b 1', 'a 2'], async (body) => {
      if (body === 'a 1') await sleep(50);
      sent.push(body);
    });
    expect(sent.filter((body) => body.startsWith('a'))).toEqual(['a 1', 'a 2']);
  });
});

describe('drop', () => {
  test('deletes the selected letters if confirmed', async () => {
    await queues.makeDead(['a.one_v1', 'a.two_v1', 'a.two_v1']);
    const { lines } = await queues.run(({ drop }) => drop({ type: 'a.two_v1' }, true));
    expect(lines.at(-1)).toBe('2 deleted.');
    expect(await queues.deadLetterCounts()).toEqual({ visible: 1, hidden: 0 });
  });

  test('deletes nothing without a terminal and without --yes', async () => {
    await queues.makeDead(['a.one_v1']);
    await expect(queues.run(({ drop }) => drop({}, false))).rejects.toThrow(/--yes/);
    expect(await queues.deadLetterCounts()).toEqual({ visible: 1, hidden: 0 });
  });

  test('after the reply "yes" leaves 0', async () => {
    await queues.makeDead(['a.one_v1']);
    await queues.run(({ drop }) => drop({}, false), 'yes\n');
    expect(await queues.deadLetterCounts()).toEqual({ visible: 0, hidden: 0 });
  });
});
