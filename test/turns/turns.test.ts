import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Drop, type EventPayloads, onEvent } from '../../lib/handler.ts';
import { readMessage } from '../../lib/messages/message.ts';
import { textMessage } from '../../lib/samples/samples.ts';
import { STATE_STORE, type StateStore } from '../../lib/state/state-store.ts';
import { createStateTable } from '../../lib/state/state-table.ts';
import { createLogCapture } from '../../lib/testing/captured-log.ts';
import { createMemoryState } from '../../lib/testing/memory-state.ts';
import { run, type TestState } from '../../lib/testing/run.ts';
import { onTurn } from '../../lib/turns/turns.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { volume } from '../support/volume.ts';
import { wait } from '../support/wait.ts';

type Event = EventPayloads['im.message.receive_v1'];
type Turn = Parameters<Parameters<typeof onTurn>[0]>;

/** The requests of a delivery after its message is listed, and after its handler has run. */
const [WAITING, ANSWERED] = [5, 8];

const aws = emulatedAws();
/** Where a worker is killed at every request. */
const killedWorkersStore = volume({ small: () => createMemoryState({}), full: () => table() });
const table = () => createStateTable(aws.emulators.dynamo, aws.emulators.stateTable);

/** A chat whose messages are delivered to handlers that share the table. */
function createChat(handle: (texts: string[], ...turn: Turn) => unknown, ownStore?: StateStore) {
  const chat = randomUUID();
  const calls: string[][] = [];
  const answered: string[] = [];
  let time = 0;
  const runTurn = onTurn(async (events, context) => {
    const texts = events.map(({ message }) => JSON.parse(message.content).text);
    calls.push(texts);
    await handle(texts, events, context);
    if (!context.signal.aborted) answered.push(...texts);
  });
  return {
    /** The texts that each call of the handler got. */
    calls,
    /** The texts of the calls that succeeded. */
    answered,
    message(text: string): Event {
      time += 1;
      const event = textMessage(text);
      const ids = { message_id: `om_${text}_${chat}`, chat_id: chat, create_time: `${time}` };
      return { ...event, message: { ...event.message, ...ids } };
    },
    deliver(event: Event, { attempt = 1, store = ownStore ?? table() }: { attempt?: number; store?: StateStore } = {}) {
      const header = { type: 'im.message.receive_v1', app: 'cli_1', tenant: 'tenant' };
      const { log, lines } = createLogCapture();
      const context = { header, attempt, log, signal: new AbortController().signal, [STATE_STORE]: store };
      return runTurn(event, context as never).then(() => lines.map(({ message }) => message));
    },
  };
}

describe('A turn', () => {
  it('has all messages that wait, the oldest first, and only the newest message runs it', async () => {
    const chat = createChat(() => {});
    const [one, two, three] = ['one', 'two', 'three'].map((text) => chat.message(text)) as [Event, Event, Event];
    await failed(chat.deliver(three, { store: killedAt(WAITING) }));
    await failed(chat.deliver(one, { store: killedAt(WAITING) }));
    // "one" was delivered last.
    expect(await chat.deliver(three)).toEqual(['The message joined a newer turn']);
    expect(chat.calls).toEqual([]);
    await failed(chat.deliver(two, { store: killedAt(WAITING) }));
    expect(await chat.deliver(one)).toEqual(['The message joined a newer turn']);
    await chat.deliver(two);
    expect(chat.calls).toEqual([['one', 'two', 'three']]);
    await chat.deliver(two);
    await chat.deliver(one);
    expect(chat.calls).toHaveLength(1);
  });

  it('is aborted by a newer message, whose turn has its messages, too, and starts when it has ended', async () => {
    // No lease expires, however slow the machine is.
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    let running = 0;
    const overlaps: number[] = [];
    const chat = createChat(async (texts, _, { signal }) => {
      running += 1;
      overlaps.push(running);
      if (texts.length === 1) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        await sleep(100);
      }
      running -= 1;
    });
    const first = chat.deliver(chat.message('one'));
    await vi.waitFor(() => expect(chat.calls).toHaveLength(1), wait);
    await chat.deliver(chat.message('two'));
    expect(await first).toEqual(['The message joined a newer turn, which aborted its own']);
    expect(chat.calls).toEqual([['one'], ['one', 'two']]);
    expect(chat.answered).toEqual(['one', 'two']);
    expect(overlaps).toEqual([1, 1]);
  });

  it.each([
    ['keeps the beginning of its streamed answer', 'A beginning', ['A beginning']],
    ['deletes its streamed answer if there is no text yet', '', []],
  ])('that is aborted %s', async (_, text, streams) => {
    let started = 0;
    const handler = onEvent(
      'im.message.receive_v1',
      onTurn(async (events, context) => {
        const stream = await readMessage(events.at(-1) as Event, context).reply.stream();
        started += 1;
        if (events.length > 1) return stream.write('The answer');
        stream.write(text);
        await sleep(100_000, undefined, { signal: context.signal });
      }),
    );
    const chat = createChat(() => {});
    const state: TestState = {};
    const feishu = { im: { message: { reply: async () => ({ data: { message_id: 'om_1' } }) } } };
    const first = run(handler, chat.message('one'), { state, feishu, header: { id: '1' } });
    await vi.waitFor(() => expect(started).toBe(1), wait);
    const second = await run(handler, chat.message('two'), { state, feishu, header: { id: '2' } });
    expect(second).toMatchObject({ outcome: 'handled', streams: ['The answer'] });
    const { outcome, streams: shown, calls } = await first;
    expect({ outcome, shown }).toEqual({ outcome: 'handled', shown: streams });
    expect(calls.filter(({ name }) => name === 'im.message.delete')).toHaveLength(text === '' ? 1 : 0);
  });

  it('is repeated if its streamed answer cannot be completed', async () => {
    const handler = onEvent(
      'im.message.receive_v1',
      onTurn(async ([event], context) => {
        const stream = await readMessage(event as Event, context).reply.stream();
        stream.write('The answer');
      }),
    );
    const state: TestState = {};
    const content = async () => ({ code: 300305, msg: 'too many elements' });
    const feishu = { cardkit: { v1: { cardElement: { content } } } };
    expect((await run(handler, textMessage('Hello'), { state, feishu })).outcome).toBe('retrying');
    const { streams } = await run(handler, textMessage('Hello'), { state, attempt: 2 });
    expect(streams).toEqual(['The answer']);
  });

  it('is repeated if its handler fails, and has ended if it throws a Drop', async () => {
    let failures = 1;
    const chat = createChat((texts) => {
      if (texts.includes('drop')) throw new Drop('enough');
      failures -= 1;
      if (failures >= 0) throw new Error('not now');
    });
    const one = chat.message('one');
    await expect(chat.deliver(one)).rejects.toThrow('not now');
    await chat.deliver(one, { attempt: 2 });
    expect(chat.calls).toEqual([['one'], ['one']]);
    // Its state is read, and nothing is written.
    expect(await failed(chat.deliver(one, { store: killedAt(2) }))).toBe(false);
    const drop = chat.message('drop');
    await expect(chat.deliver(drop)).rejects.toThrow('enough');
    await chat.deliver(drop);
    expect(chat.calls).toHaveLength(3);
  });

  it('stays with the dead letter if its last attempt fails, so that newer turns succeed without its messages', async () => {
    let isBroken = true;
    const chat = createChat((texts) => {
      if (isBroken && texts.includes('two')) throw new Error('a poison');
    });
    const [one, two] = [chat.message('one'), chat.message('two')];
    await failed(chat.deliver(one, { store: killedAt(WAITING) }));
    await expect(chat.deliver(two, { attempt: 4 })).rejects.toThrow('a poison');
    await chat.deliver(one);
    await expect(chat.deliver(two, { attempt: 5 })).rejects.toThrow('a poison');
    await chat.deliver(chat.message('three'));
    expect(chat.answered).toEqual(['three']);
    isBroken = false;
    // Redriven.
    await chat.deliver(two, { attempt: 1 });
    expect(chat.answered).toEqual(['three', 'one', 'two']);
    await chat.deliver(two, { attempt: 1 });
    expect(chat.answered).toHaveLength(3);
  });

  it.each(['before the request', 'after the response'])(
    'loses no message if the worker is killed at any request to DynamoDB, %s',
    async (moment) => {
      for (let call = 1; ; call += 1) {
        const store = killedWorkersStore();
        const chat = createChat(() => {}, store);
        const [one, two, three] = ['one', 'two', 'three'].map((text) => chat.message(text)) as [Event, Event, Event];
        await failed(chat.deliver(one, { store: killedAt(WAITING, true, store) }));
        const killed = killedAt(call, moment === 'before the request', store);
        const wasKilled = await failed(chat.deliver(two, { store: killed }));
        afterLease();
        // Its queue message is still there, as is that of "two" if it was killed.
        await chat.deliver(one, { attempt: 2 });
        if (wasKilled) await chat.deliver(two, { attempt: 2 });
        await chat.deliver(three);
        expect(new Set(chat.answered)).toEqual(new Set(['one', 'two', 'three']));
        if (!wasKilled) return;
      }
    },
  );

  it('is taken over by a newer message if its worker was killed', async () => {
    const chat = createChat(() => {});
    const [one, two] = [chat.message('one'), chat.message('two')];
    // While it finishes: after the handler.
    expect(await failed(chat.deliver(one, { store: killedAt(ANSWERED) }))).toBe(true);
    afterLease();
    await chat.deliver(two);
    expect(chat.calls.at(-1)).toEqual(['one', 'two']);
    await chat.deliver(one, { attempt: 2 });
    expect(chat.calls).toHaveLength(2);
  });

  it('runs in the test kit, without waiting for further messages', async () => {
    const seen: string[] = [];
    const handler = onEvent(
      'im.message.receive_v1',
      onTurn((events) => seen.push(...events.map(({ message }) => message.content)), { windowSeconds: 20 }),
    );
    const state: TestState = {};
    const event = textMessage('Hello');
    expect(await run(handler, event, { state })).toMatchObject({ outcome: 'handled' });
    expect(await run(handler, event, { state })).toMatchObject({ outcome: 'handled' });
    expect(seen).toEqual(['{"text":"Hello"}']);
  });

  it('is rejected on an ordered queue, and with an invalid window', async () => {
    vi.stubEnv('QUEUE_URL', 'https://sqs/events.fifo');
    onTestFinished(() => void vi.unstubAllEnvs());
    const ordered = onTurn(() => {})(textMessage('Hello'), { header: {} } as never);
    await expect(ordered).rejects.toThrow('needs a queue with ordering=none');
    expect(() => onTurn(() => {}, { windowSeconds: 60 })).toThrow('from 0 to 20, not 60');
  });
});

/** Lets the leases of killed workers expire. */
function afterLease(): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 11_000 });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

class Killed extends Error {}

/** @returns whether the worker was killed */
async function failed(delivery: Promise<unknown>): Promise<boolean> {
  return delivery.then(
    () => false,
    (error) => {
      if (!(error instanceof Killed)) throw error;
      return true;
    },
  );
}

/** The store of a worker that is killed at its n-th request. All later requests are not sent. */
function killedAt(request: number, isBefore = true, store = table()): StateStore {
  let requests = 0;
  const send = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    requests += 1;
    if (requests > request || (isBefore && requests === request)) throw new Killed();
    const result = await work();
    if (requests >= request) throw new Killed();
    return result;
  };
  return {
    read: (...parameters) => send(() => store.read(...parameters)),
    write: (...parameters) => send(() => store.write(...parameters)),
    delete: (...parameters) => send(() => store.delete(...parameters)),
  };
}
