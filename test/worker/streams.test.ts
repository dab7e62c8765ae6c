import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from 'aws-lambda';
import { describe, expect, it, vi } from 'vitest';
import { Continue, type EventContext, onEvent } from '../../lib/handler.ts';
import { type ReceivedMessage, readMessage } from '../../lib/messages/message.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { createWorkerClients } from '../../lib/worker/aws-clients.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { expireLease } from '../support/expire-lease.ts';
import { modulesOf } from '../support/handler-modules.ts';
import { StreamingPlatform } from '../support/streaming-platform.ts';
import { volume } from '../support/volume.ts';
import { createRecord } from './queue-records.ts';

// No time limit passes, however slow the machine is.
vi.mock(import('../../lib/util/deadline.ts'), async (importOriginal) => ({
  ...(await importOriginal()),
  startDeadline: () => ({ signal: new AbortController().signal, [Symbol.dispose]() {} }),
}));

const aws = emulatedAws();

const TYPE = 'im.message.receive_v1';
const WORDS = ['One', ', two', ', three'];
const TEXT = WORDS.join('');
const FAILURE_TEXT = 'Sorry, this answer could not be completed.';
const LAST_ATTEMPT = 5;
const CONCURRENT_EVENTS = 10;

/** The worker is killed when it makes this call to DynamoDB or the platform, before or after the call takes effect. */
interface Kill {
  /** Starting at 1. */
  call: number;
  when: 'before' | 'after';
}

type Delivered = { outcome: 'killed' | 'handled' | 'failed'; calls: number };

/** Answers an event. `shows` waits until the platform shows a text, or the worker is killed. */
type AnswerEvent = (
  message: ReceivedMessage,
  context: EventContext,
  shows: (text: string) => Promise<void>,
) => Promise<unknown>;

/** Creates an event with a mock platform. Each delivery runs in another worker. */
async function createEvent(words = WORDS, answer?: AnswerEvent) {
  const platform = await StreamingPlatform.start();
  const body = createSample(TYPE, { version: '2.0', token: '', event: textMessage('Hello') });
  const messageId = randomUUID();

  const handler = (isKilled: () => boolean) =>
    onEvent(TYPE, async (event, context) => {
      const message = readMessage(event, context);
      // An earlier attempt may have shown it.
      const shows = async (text: string) => {
        while (!isKilled() && !platform.shown.some((shown) => shown.text.includes(text))) await sleep(10);
      };
      if (answer !== undefined) return answer(message, context, shows);
      const stream = await message.reply.stream();
      for (const word of words) {
        stream.write(word);
        if (words === WORDS) await shows(word);
      }
      return stream.end();
    });

  const deliver = async (attempt: number, kill?: Kill): Promise<Delivered> => {
    const sender = randomUUID().replaceAll('-', '');
    const killed = Promise.withResolvers<'killed'>();
    let calls = 0;
    const count = async (when: Kill['when']) => {
      if (when === 'before') calls += 1;
      if (calls !== kill?.call || when !== kill.when) return;
      platform.killed.add(sender);
      killed.resolve('killed');
    };
    const isKilled = () => platform.killed.has(sender);
    platform.before = async () => {
      await count('before');
      return undefined;
    };
    platform.after = () => count('after');
    const { dynamo, sqs } = createWorkerClients();
    dynamo.middlewareStack.add(
      (next) => async (input) => {
        if (!isKilled()) await count('before');
        if (isKilled()) return await new Promise<never>(() => {});
        const output = await next(input);
        await count('after');
        return isKilled() ? await new Promise<never>(() => {}) : output;
      },
      { step: 'initialize' },
    );
    const modules = { v2: modulesOf({ [TYPE]: handler(isKilled) }), v1: modulesOf({}), fallback: modulesOf({}) };
    const worker = createWorker(modules, { ...aws.environment, ...platform.environmentOf(sender) }, { dynamo, sqs });
    const context = { getRemainingTimeInMillis: () => 600_000 } as Context;
    const Records = [createRecord(messageId, { body, attempt })];
    const finished = worker({ Records }, context).then(({ batchItemFailures }) =>
      batchItemFailures.length === 0 ? ('handled' as const) : ('failed' as const),
    );
    const outcome = await Promise.race([killed.promise, finished]);
    if (outcome === 'killed') await expireLease(aws.emulators, body);
    return { outcome, calls };
  };

  return { platform, deliver, [Symbol.asyncDispose]: () => platform[Symbol.asyncDispose]() };
}

/** Returns the number of calls of a delivery that succeeds. */
async function countCalls(words = WORDS): Promise<number> {
  await using event = await createEvent(words);
  const { outcome, calls } = await event.deliver(1);
  expect(outcome).toBe('handled');
  return calls;
}

/**
 * Returns the kills of each event.
 *
 * @param several how many events are killed two or three times, at calls spread over the run
 */
function killsAt(calls: number, moments: readonly Kill['when'][], several = 0): Kill[][] {
  const all = Array.from({ length: calls }, (_, index) => moments.map((when) => ({ call: index + 1, when }))).flat();
  const repeated = Array.from({ length: several }, (_, index) =>
    Array.from({ length: 2 + (index % 2) }, (_, kill) => all[(index * 7 + kill * 5) % all.length] as Kill),
  );
  return [...all.map((kill) => [kill]), ...repeated];
}

/** To be killed before a call is to be killed after the one before it, except that the platform has the request. */
const MOMENTS = volume<Kill['when'][]>({ small: ['after'], full: ['before', 'after'] });

async function forEach<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const rest = [...items];
  const runOne = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: CONCURRENT_EVENTS }, runOne));
}

describe('A worker that is killed at any call leaves', () => {
  it('one complete answer after the next deliveries', async () => {
    const kills = killsAt(await countCalls(), MOMENTS, volume({ small: 0, full: 90 }));
    let killed = 0;
    await forEach(kills, async (killsOfEvent) => {
      await using event = await createEvent();
      const describeKills = JSON.stringify(killsOfEvent);
      let last: Delivered['outcome'] | undefined;
      for (const [index, kill] of killsOfEvent.entries()) {
        ({ outcome: last } = await event.deliver(index + 1, kill));
        if (last === 'killed') killed += 1;
      }
      ({ outcome: last } = await event.deliver(killsOfEvent.length + 1));
      expect(last, describeKills).toBe('handled');
      expect(event.platform.shown, describeKills).toEqual([{ text: TEXT, isStreaming: false, summary: TEXT }]);
    });
    expect(killed).toBeGreaterThanOrEqual(kills.length / 2);
  });

  it('one complete answer of several cards', async () => {
    const words = ['世界 '.repeat(8999), '世界'];
    const every = volume({ small: 5, full: 1 });
    const kills = killsAt(await countCalls(words), MOMENTS).filter((_, index) => index % every === 0);
    await forEach(kills, async ([kill]) => {
      await using event = await createEvent(words);
      await event.deliver(1, kill);
      expect((await event.deliver(2)).outcome, JSON.stringify(kill)).toBe('handled');
      const { shown } = event.platform;
      expect(shown.length, JSON.stringify(kill)).toBeGreaterThan(1);
      expect(shown.map(({ text }) => text).join(' '), JSON.stringify(kill)).toBe(words.join(''));
      expect(
        shown.filter(({ isStreaming }) => isStreaming),
        JSON.stringify(kill),
      ).toEqual([]);
    });
  });

  it('no card that seems to be generating, in the last attempt', async () => {
    const kills = killsAt(await countCalls(), MOMENTS).map(([kill]) => kill as Kill);
    await forEach(kills, async (kill) => {
      await using event = await createEvent();
      await event.deliver(LAST_ATTEMPT, kill);
      // SQS delivers the message once more before it moves it to the dead-letter queue.
      const { outcome } = await event.deliver(LAST_ATTEMPT + 1);
      expect(outcome).toBe('failed');
      const { shown, calls } = event.platform;
      for (const { text, isStreaming, summary } of shown) {
        expect(isStreaming, JSON.stringify(kill)).toBe(false);
        expect([TEXT, FAILURE_TEXT], JSON.stringify(kill)).toContain(summary);
        if (summary === FAILURE_TEXT) expect(text.endsWith(FAILURE_TEXT)).toBe(true);
      }
      // Later deliveries have nothing to do.
      const { length } = calls;
      await event.deliver(LAST_ATTEMPT + 2);
      expect(event.platform.calls).toHaveLength(length);
    });
  });
});

describe('A worker that is killed at any call completes', () => {
  const continues: AnswerEvent = async ({ reply }, { continued }, shows) => {
    const stream = await reply.stream();
    stream.write('One');
    await shows('One');
    if (continued === undefined) throw new Continue('One');
    stream.write(', two');
    await stream.end();
  };
  const streamsTwice: AnswerEvent = async ({ reply }) => {
    const streams = [await reply.stream(), await reply.stream()];
    for (const [index, stream] of streams.entries()) stream.write(`Answer ${index + 1}`);
  };

  it.each<[string, AnswerEvent, string[]]>([
    ['an answer that goes on after a Continue', continues, ['One, two']],
    ['two answers that are streamed at the same time', streamsTwice, ['Answer 1', 'Answer 2']],
  ])('%s', async (_, answer, texts) => {
    const expected = texts.map((text) => ({ text, isStreaming: false, summary: text }));
    const deliverAll = async (event: Awaited<ReturnType<typeof createEvent>>, kill?: Kill) => {
      let calls = 0;
      for (let attempt = 1; attempt <= 4; attempt += 1) {
        const rest = kill && kill.call > calls ? { ...kill, call: kill.call - calls } : undefined;
        const delivered = await event.deliver(attempt, rest);
        calls += delivered.calls;
        if (delivered.outcome === 'handled') break;
      }
      expect(event.platform.shown, JSON.stringify(kill)).toEqual(expected);
      return calls;
    };
    const count = async () => {
      await using event = await createEvent(WORDS, answer);
      return await deliverAll(event);
    };
    const every = volume({ small: 4, full: 1 });
    const kills = killsAt(await count(), MOMENTS).filter((_kill, index) => index % every === 0);
    await forEach(kills, async ([kill]) => {
      await using event = await createEvent(WORDS, answer);
      await deliverAll(event, kill);
    });
  });
});

it('An answer that no later attempt streams shows its failure', async () => {
  let attempts = 0;
  await using event = await createEvent(WORDS, async ({ reply }, _, shows) => {
    attempts += 1;
    if (attempts > 1) return;
    const stream = await reply.stream();
    stream.write('One');
    await shows('One');
    throw new Error('failed');
  });
  await event.deliver(1);
  expect(event.platform.shown).toEqual([{ text: 'One', isStreaming: false, summary: '⏳' }]);
  expect((await event.deliver(2)).outcome).toBe('handled');
  expect(event.platform.shown[0]).toMatchObject({ isStreaming: false, summary: FAILURE_TEXT });
});

it('A redrive completes the answer that had failed for good, in the same card', async () => {
  await using event = await createEvent();
  await event.deliver(LAST_ATTEMPT, { call: 9, when: 'after' });
  await event.deliver(LAST_ATTEMPT + 1);
  expect(event.platform.shown[0]?.summary).toBe(FAILURE_TEXT);
  expect((await event.deliver(1)).outcome).toBe('handled');
  expect(event.platform.shown).toEqual([{ text: TEXT, isStreaming: false, summary: TEXT }]);
});
