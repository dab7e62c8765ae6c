import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Context } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createIdempotencyStore,
  type IdempotencyStore,
  LeaseHeld,
  type LeaseOwner,
} from '../../lib/store/idempotency.ts';
import { retryDelaySeconds } from '../../lib/worker/retry.ts';
import { type Fault, FaultyProxy } from '../faults/faulty-proxy.ts';
import { emulatedAws } from '../support/emulated-aws.ts';

const HOUR_MILLISECONDS = 60 * 60 * 1000;
const aws = emulatedAws();
const clients: DynamoDBClient[] = [];
afterAll(() => {
  for (const client of clients) client.destroy();
});

/** Creates a store with its own client, like a new execution environment. */
function newStore(endpoint?: string): IdempotencyStore & { dynamo: DynamoDBClient } {
  const dynamo = new DynamoDBClient({ ...(endpoint && { endpoint }) });
  clients.push(dynamo);
  return { ...createIdempotencyStore(dynamo, aws.emulators.claimsTable), dynamo };
}

function ownerOf(
  messageId: string,
  options: Partial<LeaseOwner> & { remainingMilliseconds?: number } = {},
): LeaseOwner {
  const endsAt = performance.now() + (options.remainingMilliseconds ?? 60_000);
  return {
    messageId,
    isLastDelivery: false,
    context: { getRemainingTimeInMillis: () => Math.max(0, endsAt - performance.now()) } as Context,
    signal: new AbortController().signal,
    ...options,
  };
}

/** Holds a lease with work that ends on `complete` or `fail`. */
function hold(key: string, owner: LeaseOwner, store: IdempotencyStore) {
  const { promise, resolve, reject } = Promise.withResolvers<'handled'>();
  const { promise: began, resolve: begin } = Promise.withResolvers<void>();
  const ended = store.once(key, owner, () => {
    begin();
    return promise;
  });
  ended.catch(() => {});
  return {
    began: Promise.race([began, ended]),
    ended,
    complete: () => resolve('handled'),
    fail: () => reject(new Error('failed')),
  };
}

/** Takes over a lease once it has expired. */
async function takeOver(key: string, messageId: string, store: IdempotencyStore) {
  return vi.waitFor(
    async () => {
      const held = hold(key, ownerOf(messageId), store);
      await held.began;
      return held;
    },
    { timeout: 30_000, interval: 50 },
  );
}

async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
}

const handled = () => Promise.resolve('handled');
const runTwice = () => Promise.reject(new Error('The event runs twice'));

describe('A lease', () => {
  let store: ReturnType<typeof newStore>;
  beforeAll(() => {
    store = newStore();
  });

  it('is taken over once it has expired, and a late failure of its first owner changes nothing', async () => {
    const first = hold('taken over', ownerOf('first', { remainingMilliseconds: 1 }), store);
    await first.began;
    const second = await takeOver('taken over', 'second', store);
    first.fail();
    await expect(first.ended).rejects.toThrow('failed');
    await expect(store.once('taken over', ownerOf('third'), runTwice)).rejects.toThrow(LeaseHeld);
    second.complete();
    expect(await second.ended).toBe('handled');
    expect(await store.once('taken over', ownerOf('first'), runTwice)).toBe('duplicate');
  });

  it('stays completed if an earlier owner fails later', async () => {
    const first = hold('completed', ownerOf('first', { remainingMilliseconds: 1 }), store);
    await first.began;
    const second = await takeOver('completed', 'second', store);
    second.complete();
    await second.ended;
    first.fail();
    await expect(first.ended).rejects.toThrow('failed');
    expect(await store.once('completed', ownerOf('first'), runTwice)).toBe('duplicate');
    expect(await store.once('completed', ownerOf('second'), runTwice)).toBe('handled');
  });

  it('is released after a failure', async () => {
    const failing = store.once('failed', ownerOf('first'), () => Promise.reject(new Error('failed')));
    await expect(failing).rejects.toThrow('failed');
    expect(await store.once('failed', ownerOf('second'), handled)).toBe('handled');
  });

  it('rejects another delivery until it expires, and the event is retried then', async () => {
    const first = hold('held', ownerOf('first', { remainingMilliseconds: 600_000 }), store);
    await first.began;
    const error = await reasonOf(store.once('held', ownerOf('second'), runTwice));
    expect(error).toBeInstanceOf(LeaseHeld);
    expect(retryDelaySeconds(error, 1)).toBe(1);
    expect(retryDelaySeconds(new LeaseHeld(20_000), 4)).toBe(20);
    expect((error as LeaseHeld).seconds).toBeGreaterThan(500);
    expect((error as LeaseHeld).seconds).toBeLessThanOrEqual(602);
    first.complete();
    await first.ended;
  });

  it('makes the last delivery wait, so that a handled event is not dead-lettered', async () => {
    const first = hold('last delivery', ownerOf('first'), store);
    await first.began;
    const second = store.once('last delivery', ownerOf('second', { isLastDelivery: true }), runTwice);
    first.complete();
    expect(await second).toBe('duplicate');
  });

  it('makes the last delivery wait only until its time is up', async () => {
    const first = hold('no time', ownerOf('first'), store);
    await first.began;
    const second = ownerOf('second', { isLastDelivery: true, signal: AbortSignal.timeout(20) });
    await expect(store.once('no time', second, runTwice)).rejects.toThrow(
      expect.objectContaining({ name: 'TimeoutError' }),
    );
    first.complete();
    await first.ended;
  });

  it('throws the error of the work even if recording the failure fails', async () => {
    const reason = new Error('the reason');
    const held = store.once('not recorded', ownerOf('first'), async () => {
      store.dynamo.middlewareStack.add(() => () => Promise.reject(new Error('DynamoDB is down')), {
        step: 'build',
        name: 'down',
      });
      throw reason;
    });
    await expect(held).rejects.toBe(reason);
    store.dynamo.middlewareStack.remove('down');
  });
});

describe('The last run of an event', () => {
  it('is missing, unfinished or finished, and counts isolated runs', async () => {
    const store = newStore();
    const running = hold('running', ownerOf('running', { isolatedRuns: 3 }), store);
    await running.began;
    const failing = () => Promise.reject(new Error('failed'));
    await store.once('last run failed', ownerOf('failed'), failing).catch(() => {});
    await store.once('last run completed', ownerOf('completed'), handled);
    await store.recordFailure('failed before', 'a message');
    await store.recordFailure('running', 'another message');
    await store.recordFailure('last run completed', 'another message');
    const keys = ['running', 'last run failed', 'last run completed', 'failed before', 'never ran', 'running'];
    expect(Object.fromEntries(await store.lastRuns(keys, AbortSignal.timeout(10_000)))).toEqual({
      running: { state: 'unfinished', isolatedRuns: 3 },
      'last run failed': { state: 'finished', isolatedRuns: 0 },
      'last run completed': { state: 'finished', isolatedRuns: 0 },
      'failed before': { state: 'finished', isolatedRuns: 0 },
      'never ran': { state: 'missing', isolatedRuns: 0 },
    });
    running.complete();
    await running.ended;
  });
});

describe('When DynamoDB connections fail', () => {
  let proxy: FaultyProxy;
  let store: IdempotencyStore;
  beforeEach(async () => {
    proxy = await FaultyProxy.start({ target: aws.emulators.environment.AWS_ENDPOINT_URL_DYNAMODB as string });
    store = newStore(proxy.origin);
  });
  afterEach(async () => {
    vi.useRealTimers();
    await proxy.stop();
  });

  /** Injects a fault into requests that contain the mark. Returns a function that counts them. */
  function inject(mark: string, times: number, fault: Fault): () => number {
    let count = 0;
    proxy.decide = ({ text }) => {
      if (!text.includes(mark) || count >= times) return undefined;
      count += 1;
      return fault;
    };
    return () => count;
  }
  const TAKING = 'ReturnValuesOnConditionCheckFailure';
  const COMPLETING = ':completed';
  const connectionLost = expect.objectContaining({ code: 'ECONNRESET' });

  it('one lost response to taking the lease: the SDK retries the request and the delivery gets the lease', async () => {
    const faults = inject(TAKING, 1, { loseResponse: 'cut' });
    expect(await store.once('one response', ownerOf('first'), handled)).toBe('handled');
    expect(faults()).toBe(1);
  });

  it('one lost response to taking over a lease: the SDK retries the request and the delivery gets it', async () => {
    await hold('over', ownerOf('killed', { remainingMilliseconds: 1 }), store).began;
    const faults = inject(':otherOwner', 1, { loseResponse: 'cut' });
    const second = await takeOver('over', 'second', store);
    second.complete();
    expect(await second.ended).toBe('handled');
    expect(faults()).toBe(1);
  });

  it('all responses to taking the lease are lost: the delivery releases it and the next one gets it', async () => {
    const faults = inject(TAKING, Number.POSITIVE_INFINITY, { loseResponse: 'cut' });
    await expect(store.once('all responses', ownerOf('first'), runTwice)).rejects.toThrow(connectionLost);
    expect(faults()).toBeGreaterThan(1);
    expect(await newStore().once('all responses', ownerOf('second'), handled)).toBe('handled');
  });

  it('all requests to take the lease are lost: the failure is recorded and the next delivery gets the lease', async () => {
    inject(TAKING, Number.POSITIVE_INFINITY, { lose: 'cut' });
    await expect(store.once('all requests', ownerOf('first'), runTwice)).rejects.toThrow(connectionLost);
    const runs = await store.lastRuns(['all requests'], AbortSignal.timeout(10_000));
    expect(runs.get('all requests')).toEqual({ state: 'finished', isolatedRuns: 0 });
    expect(await newStore().once('all requests', ownerOf('second'), handled)).toBe('handled');
  });

  it('all responses to completing are lost: the event stays completed', async () => {
    const faults = inject(COMPLETING, Number.POSITIVE_INFINITY, { loseResponse: 'cut' });
    await expect(store.once('completing', ownerOf('first'), handled)).rejects.toThrow(connectionLost);
    expect(faults()).toBeGreaterThan(1);
    expect(await store.once('completing', ownerOf('first'), runTwice)).toBe('handled');
    expect(await store.once('completing', ownerOf('second'), runTwice)).toBe('duplicate');
  });

  it('completing times out early enough to report the batch', async () => {
    const requests = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    const left = [...requests];
    proxy.decide = ({ operation }) =>
      operation === 'UpdateItem' ? { lose: 'silent', before: () => left.shift()?.resolve() } : undefined;
    const remaining = { milliseconds: 10_000 };
    const context = { getRemainingTimeInMillis: () => remaining.milliseconds } as Context;
    const held = hold('in time', ownerOf('first', { context }), store);
    await held.began;
    // Also freezes the SDK's timers: only the deadline can end the requests.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    remaining.milliseconds = 2500;
    held.complete();
    await requests[0].promise;
    vi.advanceTimersByTime(1000);
    await requests[1].promise;
    vi.advanceTimersByTime(500);
    await expect(held.ended).rejects.toThrow(expect.objectContaining({ name: 'TimeoutError' }));
  });
});

describe('With a clock that is off by an hour,', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  function setClock(shift: number): void {
    vi.useRealTimers();
    if (shift !== 0) vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + shift });
  }

  const SHIFTS = [HOUR_MILLISECONDS, 0, -HOUR_MILLISECONDS];
  const PAIRS = SHIFTS.flatMap((one) => SHIFTS.map((other) => [one, other] as const)).filter(
    ([one, other]) => one !== other,
  );

  it.each(PAIRS)('a lease is respected until it expires (owner: %i ms, other worker: %i ms)', async (own, other) => {
    const key = `kept ${own} ${other}`;
    setClock(own);
    const first = hold(key, ownerOf('first', { remainingMilliseconds: 600_000 }), newStore());
    await first.began;
    setClock(other);
    const error = await reasonOf(newStore().once(key, ownerOf('second'), runTwice));
    expect(error).toBeInstanceOf(LeaseHeld);
    expect((error as LeaseHeld).seconds).toBeGreaterThan(500);
    expect((error as LeaseHeld).seconds).toBeLessThanOrEqual(602);
    first.complete();
    await first.ended;
  });

  it.each(PAIRS)(
    'a lease expires with its owner’s invocation (owner: %i ms, other worker: %i ms)',
    async (own, other) => {
      const key = `ended ${own} ${other}`;
      setClock(own);
      await hold(key, ownerOf('killed', { remainingMilliseconds: 1 }), newStore()).began;
      setClock(other);
      const store = newStore();
      // The shifted clock is frozen, so the lease expires by the real one.
      const second = await takeOver(key, 'second', store);
      second.complete();
      expect(await second.ended).toBe('handled');
    },
  );

  it.each([HOUR_MILLISECONDS, -HOUR_MILLISECONDS])(
    'a lease whose owner was killed before correcting it blocks nobody (%i ms)',
    async (shift) => {
      const key = `killed ${shift}`;
      setClock(shift);
      const killed = newStore();
      interceptUpdates(killed.dynamo, () => Promise.reject(new Error('killed')));
      await expect(killed.once(key, ownerOf('killed'), runTwice)).rejects.toThrow('killed');
      setClock(0);
      expect(await newStore().once(key, ownerOf('second'), handled)).toBe('handled');
    },
  );

  it.each([HOUR_MILLISECONDS, -HOUR_MILLISECONDS])(
    'an event runs once even if another worker takes over the lease before it is corrected (%i ms)',
    async (shift) => {
      const key = `corrected ${shift}`;
      setClock(shift);
      const first = newStore();
      let second: ReturnType<typeof hold> | undefined;
      interceptUpdates(first.dynamo, async () => {
        if (second !== undefined) return;
        setClock(0);
        second = hold(key, ownerOf('second'), newStore());
        await second.began;
      });
      await expect(first.once(key, ownerOf('first'), runTwice)).rejects.toThrow(LeaseHeld);
      second?.complete();
      expect(await second?.ended).toBe('handled');
    },
  );

  /** Calls a function before each request that updates a record. */
  function interceptUpdates(dynamo: DynamoDBClient, before: () => Promise<void>): void {
    dynamo.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          if (commandName === 'UpdateItemCommand') await before();
          return next(args);
        },
      { step: 'initialize' },
    );
  }
});
