import type { Context } from 'aws-lambda';
import { describe, expect, it, vi } from 'vitest';
import { createUuid } from '../../lib/api-client/uuid.ts';
import { deduplicationKey } from '../../lib/feishu/event-identity.ts';
import {
  Drop,
  type EventContext,
  type EventHandler,
  onCallback,
  onEvent,
  onEventV1,
  onUnhandledEvent,
} from '../../lib/handler.ts';
import type { ImportModule } from '../../lib/handler-runtime/find-handler.ts';
import { MalformedMessage } from '../../lib/queue/malformed-message.ts';
import { createSample } from '../../lib/samples/samples.ts';
import type { AppTickets } from '../../lib/store/app-tickets.ts';
import { type IdempotencyStore, LeaseHeld, type LeaseOwner } from '../../lib/store/idempotency.ts';
import { attemptOf, createProcessor, type Delivery, readDelivery } from '../../lib/worker/processor.ts';
import { createUnhandledExplanation } from '../../lib/worker/unhandled-events.ts';
import { createRecord, type RecordOptions } from './queue-records.ts';

const context = { getRemainingTimeInMillis: () => 60_000 } as Context;
const { signal } = new AbortController();
const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
const MESSAGE_TYPE = 'im.message.receive_v1';

interface World {
  handlers?: Record<string, unknown>;
  fallback?: unknown;
  /** Loads a handler module. Default: from `handlers` */
  importModule?: ImportModule;
  /** What the idempotency store does instead of running the work. */
  once?: IdempotencyStore['once'];
  appTickets?: AppTickets;
  /** The message that replaced the dead letter. Default: this one */
  successor?: string;
}

/** Creates a processor whose stores record each call. */
function createWorld({ handlers = {}, fallback, importModule, once, appTickets, successor }: World = {}) {
  const calls: unknown[] = [];
  const claims: IdempotencyStore = {
    async once<Result extends string>(key: string, owner: LeaseOwner, work: (isRepeated: boolean) => Promise<Result>) {
      calls.push(['take', key, owner]);
      if (once !== undefined) return once(key, owner, work);
      const result = await work(false);
      calls.push(['complete', result]);
      return result;
    },
    async recordFailure(key, messageId) {
      calls.push(['record failure', key, messageId]);
    },
    lastRuns: async () => new Map(),
  };
  const redrives = {
    successorOf: async () => undefined,
    async recordSuccessor(deadMessageId: string, messageId: string) {
      calls.push(['replace', deadMessageId, messageId]);
      return successor ?? messageId;
    },
  };
  const load: ImportModule =
    importModule ??
    ((type) => {
      if (!Object.hasOwn(handlers, type)) throw new Error(`Module not found in bundle: ${type}`);
      calls.push(['load', type]);
      return Promise.resolve({ default: handlers[type] });
    });
  const loadFallback: ImportModule = () => {
    if (fallback === undefined) throw new Error('Module not found in bundle: fallback');
    return Promise.resolve({ default: fallback });
  };
  const modules = { v2: load, v1: load, fallback: loadFallback };
  const environment: Record<string, string> = { FEISHU_APP_ID: 'cli_1', FEISHU_APP_SECRET: 'secret' };
  const process = createProcessor({
    modules,
    idempotency: claims,
    redrives,
    continuations: { read: async () => undefined, write: async () => {}, erase: async () => {} },
    environment,
    appTickets,
    explainUnhandled: createUnhandledExplanation(
      Object.values(handlers).map((handler) => nameOf(handler as EventHandler)),
    ),
  });
  const run = (delivery: Delivery, isolatedRuns?: number) => process(delivery, { context, signal, isolatedRuns }, log);
  return { calls, run };
}

const nameOf = ({ kind, type }: EventHandler) => `${kind}/${type}`;

function deliveryOf(body: string, options: RecordOptions = {}): Delivery {
  return readDelivery(createRecord('a message', { ...options, body }));
}

const messageEvent = () => createSample(MESSAGE_TYPE, { version: '2.0', token: '' });
const handling = (handle: Parameters<typeof onEvent<typeof MESSAGE_TYPE>>[1]) => ({
  [MESSAGE_TYPE]: onEvent(MESSAGE_TYPE, handle),
});
const keyOf = ({ envelope, text }: Delivery) => deduplicationKey(envelope, text);

describe('Reading a queue message', () => {
  it('returns the event and its delivery', () => {
    const delivery = readDelivery(createRecord('a message', { attempt: 3, redriveOf: 'dead' }));
    expect(delivery).toMatchObject({
      messageId: 'a message',
      attempt: 3,
      source: 'webhook',
      redriveOf: 'dead',
      receivedAt: new Date('2026-01-02T03:04:05.000Z'),
      envelope: { kind: 'event', header: { type: 'example.thing.created_v1' } },
    });
    expect(attemptOf(createRecord('a message', { attempt: 4 }))).toBe(4);
  });

  it.each([
    ['without attributes', { ...createRecord('a message'), messageAttributes: {} }, 'source'],
    ['whose body is not JSON', createRecord('a message', { body: 'not JSON' }), 'JSON'],
    [
      'with a URL verification',
      createRecord('a message', { body: '{"type":"url_verification","challenge":"c","token":"t"}' }),
      'URL verification',
    ],
  ])('rejects a message %s with the cause', (_, record, reason) => {
    expect(() => readDelivery(record)).toThrow(MalformedMessage);
    expect(() => readDelivery(record)).toThrow(reason);
    expect(() => readDelivery(record)).toThrow(expect.objectContaining({ cause: expect.any(Error) }));
  });
});

describe('Processing an event', () => {
  it('runs its handler with the lease, and passes it a context', async () => {
    const seen: [event: unknown, context: EventContext][] = [];
    const { calls, run } = createWorld({ handlers: handling((event, given) => seen.push([event, given])) });
    const delivery = deliveryOf(messageEvent(), { attempt: 2 });
    expect(await run(delivery)).toStrictEqual({ outcome: 'handled' });
    const key = keyOf(delivery);
    const owner = { messageId: 'a message', isLastDelivery: false, isolatedRuns: undefined, context, signal };
    expect(calls).toEqual([
      ['load', MESSAGE_TYPE],
      ['take', key, owner],
      ['complete', 'handled'],
    ]);
    const [event, given] = seen[0] as [unknown, EventContext];
    expect(event).toEqual(delivery.envelope.event);
    expect(given).toMatchObject({ header: delivery.envelope.header, source: 'webhook', attempt: 2 });
    expect(given.log).toBe(log);
    expect(given.uuid('reply')).toBe(createUuid(key)('reply'));
    expect(given.feishu.im.message.reply).toBeTypeOf('function');
  });

  it.each([
    [4, false],
    [5, true],
    [6, true],
  ])('at delivery %i of 5 waits for the lease: %s', async (attempt, isLastDelivery) => {
    const { calls, run } = createWorld({ handlers: handling(() => {}) });
    await run(deliveryOf(messageEvent(), { attempt }));
    expect(calls[1]).toEqual(['take', expect.any(String), expect.objectContaining({ isLastDelivery })]);
  });

  it('throws what its handler throws', async () => {
    const failure = new Error('failed');
    const { calls, run } = createWorld({
      handlers: handling(() => {
        throw failure;
      }),
    });
    await expect(run(deliveryOf(messageEvent()))).rejects.toBe(failure);
    expect(calls.length).toBe(2);
  });

  it('returns the reason for which its handler drops it', async () => {
    const { calls, run } = createWorld({
      handlers: handling(() => {
        throw new Drop('not for us');
      }),
    });
    expect(await run(deliveryOf(messageEvent()))).toEqual({ outcome: 'dropped', reason: 'not for us' });
    expect(calls.at(-1)).toEqual(['complete', 'dropped']);
  });

  it('that has been processed does not run its handler', async () => {
    const handle = vi.fn();
    const { run } = createWorld({ handlers: handling(handle), once: async () => 'duplicate' });
    expect(await run(deliveryOf(messageEvent()))).toEqual({ outcome: 'duplicate' });
    expect(handle).not.toHaveBeenCalled();
  });

  it('fails if another worker holds the lease', async () => {
    const { run } = createWorld({ handlers: handling(() => {}), once: () => Promise.reject(new LeaseHeld(1000)) });
    await expect(run(deliveryOf(messageEvent()))).rejects.toThrow(LeaseHeld);
  });

  it('records a failure if its module cannot be loaded', async () => {
    const failure = new Error('syntax');
    const { calls, run } = createWorld({ importModule: () => Promise.reject(failure) });
    const delivery = deliveryOf(messageEvent());
    await expect(run(delivery)).rejects.toBe(failure);
    expect(calls).toEqual([['record failure', keyOf(delivery), 'a message']]);
  });

  it('in isolation takes the lease before it loads the module', async () => {
    const { calls, run } = createWorld({ handlers: handling(() => {}) });
    const delivery = deliveryOf(messageEvent());
    expect(await run(delivery, 2)).toEqual({ outcome: 'handled' });
    expect(calls).toEqual([
      ['take', keyOf(delivery), expect.objectContaining({ isolatedRuns: 2 })],
      ['load', MESSAGE_TYPE],
      ['complete', 'handled'],
    ]);
  });

  it('in isolation fails with the lease if its module cannot be loaded', async () => {
    const failure = new Error('syntax');
    const { calls, run } = createWorld({ importModule: () => Promise.reject(failure) });
    await expect(run(deliveryOf(messageEvent()), 1)).rejects.toBe(failure);
    expect(calls).toEqual([['take', expect.any(String), expect.anything()]]);
  });

  it('of the self-test runs none of the user’s handlers', async () => {
    const handle = vi.fn();
    const { calls, run } = createWorld({ fallback: onUnhandledEvent(handle) });
    const delivery = readDelivery(createRecord('a message', { type: 'feishu_events.doctor_v1' }));
    expect(await run(delivery)).toEqual({ outcome: 'handled' });
    expect(calls.at(-1)).toEqual(['complete', 'handled']);
    expect(handle).not.toHaveBeenCalled();
  });
});

describe('An event without a handler', () => {
  it('is processed by the fallback', async () => {
    const handle = vi.fn();
    const { run } = createWorld({ fallback: onUnhandledEvent(handle) });
    expect(await run(deliveryOf(messageEvent()))).toEqual({ outcome: 'handled' });
    expect(handle).toHaveBeenCalledOnce();
  });

  it.each([
    ['v2', createSample('example.thing.created_v1', { version: '2.0', token: '' }), 'example.thing.created_v1'],
    ['v1', createSample('out_approval', { version: '1.0', token: '' }), 'out_approval'],
  ])('takes no lease without a fallback, and its reason contains the %s module to add', async (folder, body, type) => {
    const { calls, run } = createWorld();
    const { outcome, reason } = await run(deliveryOf(body));
    expect(outcome).toBe('unhandled');
    expect(reason).toMatch(type);
    expect(reason).toMatch(`functions/handlers/${folder}/${type}.ts`);
    expect(reason).toMatch('functions/handlers/fallback.ts');
    expect(calls).toEqual([]);
  });

  it('is reported once for each type if the name of a module differs by one edit', async () => {
    const handlers = { 'im.message.recieve_v1': onEvent('im.message.recieve_v1' as never, () => {}) };
    const { run } = createWorld({ handlers });
    log.warn.mockClear();
    for (const _ of [1, 2]) {
      const { outcome, reason } = await run(deliveryOf(messageEvent()));
      expect(outcome).toBe('unhandled');
      expect(reason).toMatch('Is functions/handlers/v2/im.message.recieve_v1.ts misspelled?');
    }
    await run(deliveryOf(createSample('example.thing.created_v1', { version: '2.0', token: '' })));
    expect(log.warn.mock.calls).toEqual([
      [expect.stringContaining('misspelled?'), { file: 'functions/handlers/v2/im.message.recieve_v1.ts' }],
    ]);
  });

  it('is not confused with another type if it is a callback with a module of its own', async () => {
    const card = onCallback('card.action.trigger', () => ({}));
    const other = onCallback('card.action.triggers' as 'card.action.trigger', () => ({}));
    const { run } = createWorld({ handlers: { a: card, b: other } });
    log.warn.mockClear();
    const { reason } = await run(deliveryOf(createSample('card.action.trigger', { version: '2.0', token: '' })));
    expect(reason).not.toContain('misspelled');
    expect(log.warn).not.toHaveBeenCalled();
  });

  it('is completed if it runs in isolation', async () => {
    const { calls, run } = createWorld();
    expect(await run(deliveryOf(messageEvent()), 1)).toMatchObject({ outcome: 'unhandled' });
    expect(calls.at(-1)).toEqual(['complete', 'unhandled']);
  });

  it('has a different reason if it is a callback', async () => {
    const { run } = createWorld();
    const callback = await run(deliveryOf(createSample('card.action.trigger', { version: '2.0', token: '' })));
    const event = await run(deliveryOf(messageEvent()));
    expect(callback.outcome).toBe('answered');
    expect(callback.reason).toMatch('functions/handlers/v2/card.action.trigger.ts');
    expect(callback.reason).not.toMatch(/no handler/i);
    expect(event.reason).toMatch(/no handler/i);
  });
});

describe('An event with an app ticket', () => {
  const ticketEvent = () => createSample('app_ticket', { version: '1.0', token: '' });
  const storing = (isTicket: boolean) => {
    const store = vi.fn(async () => isTicket);
    return { store, find: async () => undefined, invalidate: () => {} } satisfies AppTickets;
  };

  it('is handled by storing the ticket', async () => {
    const appTickets = storing(true);
    const { run } = createWorld({ appTickets });
    const delivery = deliveryOf(ticketEvent());
    expect(await run(delivery)).toEqual({ outcome: 'handled' });
    expect(appTickets.store).toHaveBeenCalledExactlyOnceWith(delivery.envelope, delivery.receivedAt);
  });

  it('runs a handler too, if there is one', async () => {
    const handle = vi.fn();
    const handlers = { app_ticket: onEventV1('app_ticket' as never, handle) };
    const { run } = createWorld({ appTickets: storing(true), handlers });
    expect(await run(deliveryOf(ticketEvent()))).toEqual({ outcome: 'handled' });
    expect(handle).toHaveBeenCalledOnce();
  });

  it('is unhandled if it contains no ticket or the app is self-built', async () => {
    expect(await createWorld({ appTickets: storing(false) }).run(deliveryOf(messageEvent()))).toMatchObject({
      outcome: 'unhandled',
    });
    expect(await createWorld().run(deliveryOf(ticketEvent()))).toMatchObject({ outcome: 'unhandled' });
  });

  it('serves the client that a store app’s handlers get', async () => {
    const failure = new Error('DynamoDB is down');
    const appTickets = { ...storing(false), find: () => Promise.reject(failure) };
    const handlers = handling((_, { feishu }) => feishu.request({ url: '/open-apis/example' }));
    await expect(createWorld({ appTickets, handlers }).run(deliveryOf(messageEvent()))).rejects.toBe(failure);
  });

  it('fails if the ticket cannot be stored', async () => {
    const failure = new Error('DynamoDB is down');
    const appTickets = { ...storing(true), store: () => Promise.reject(failure) };
    await expect(createWorld({ appTickets }).run(deliveryOf(ticketEvent()))).rejects.toBe(failure);
  });
});

describe('The copy of a dead letter', () => {
  it('is processed if it is the one that replaced it', async () => {
    const { calls, run } = createWorld({ handlers: handling(() => {}) });
    expect(await run(deliveryOf(messageEvent(), { redriveOf: 'dead' }))).toEqual({ outcome: 'handled' });
    expect(calls[0]).toEqual(['replace', 'dead', 'a message']);
  });

  it('is a duplicate if another copy replaced it', async () => {
    const { calls, run } = createWorld({ handlers: handling(() => {}), successor: 'another copy' });
    const { outcome, reason } = await run(deliveryOf(messageEvent(), { redriveOf: 'dead' }));
    expect(outcome).toBe('duplicate');
    expect(reason).toMatch('dead letter');
    expect(calls).toEqual([['replace', 'dead', 'a message']]);
  });
});
