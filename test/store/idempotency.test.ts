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

/** As a new execution environment has them. */
function newClaims(endpoint?: string): IdempotencyStore & { dynamo: DynamoDBClient } {
  const dynamo = new DynamoDBClient({ ...(endpoint && { endpoint }) });
  clients.push(dynamo);
  return { ...createIdempotencyStore(dynamo, aws.emulators.claimsTable), dynamo };
}

function claimant(
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

/** Work that ends when it is told to. */
function hold(key: string, by: LeaseOwner, claims: IdempotencyStore) {
  const { promise, resolve, reject } = Promise.withResolvers<'handled'>();
  const { promise: began, resolve: begin } = Promise.withResolvers<void>();
  const ended = claims.once(key, by, () => {
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

/** Takes over a lease once it is over. */
async function takeOver(key: string, messageId: string, claims: IdempotencyStore) {
  return vi.waitFor(
    async () => {
      const held = hold(key, claimant(messageId), claims);
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
const notDone = () => Promise.reject(new Error('The work is done twice'));

describe('A lease', () => {
  let claims: ReturnType<typeof newClaims>;
  beforeAll(() => {
    claims = newClaims();
  });

  it('that has ended is taken over, and the failure of its first owner changes nothing', async () => {
    const first = hold('taken over', claimant('first', { remainingMilliseconds: 1 }), claims);
    await first.began;
    const second = await takeOver('taken over', 'second', claims);
    first.fail();
    await expect(first.ended).rejects.toThrow('failed');
    await expect(claims.once('taken over', claimant('third'), notDone)).rejects.toThrow(LeaseHeld);
    second.complete();
    expect(await second.ended).toBe('handled');
    expect(await claims.once('taken over', claimant('first'), notDone)).toBe('duplicate');
  });

  it('stays completed, whatever fails later', async () => {
    const first = hold('completed', claimant('first', { remainingMilliseconds: 1 }), claims);
    await first.began;
    const second = await takeOver('completed', 'second', claims);
    second.complete();
    await second.ended;
    first.fail();
    await expect(first.ended).rejects.toThrow('failed');
    expect(await claims.once('completed', claimant('first'), notDone)).toBe('duplicate');
    expect(await claims.once('completed', claimant('second'), notDone)).toBe('handled');
  });

  it('is free again after a failure', async () => {
    const failing = claims.once('failed', claimant('first'), () => Promise.reject(new Error('failed')));
    await expect(failing).rejects.toThrow('failed');
    expect(await claims.once('failed', claimant('second'), handled)).toBe('handled');
  });

  it('that is held says when it has ended, and the event comes back then', async () => {
    const first = hold('held', claimant('first', { remainingMilliseconds: 600_000 }), claims);
    await first.began;
    const error = await reasonOf(claims.once('held', claimant('second'), notDone));
    expect(error).toBeInstanceOf(LeaseHeld);
    expect(retryDelaySeconds(error, 1)).toBe(1);
    expect(retryDelaySeconds(new LeaseHeld(20_000), 4)).toBe(20);
    expect((error as LeaseHeld).seconds).toBeGreaterThan(500);
    expect((error as LeaseHeld).seconds).toBeLessThanOrEqual(602);
    first.complete();
    await first.ended;
  });

  it('is waited for at the last delivery, which would become a dead letter of a handled event', async () => {
    const first = hold('last delivery', claimant('first'), claims);
    await first.began;
    const second = claims.once('last delivery', claimant('second', { isLastDelivery: true }), notDone);
    first.complete();
    expect(await second).toBe('duplicate');
  });

  it('is waited for no longer than there is time', async () => {
    const first = hold('no time', claimant('first'), claims);
    await first.began;
    const second = claimant('second', { isLastDelivery: true, signal: AbortSignal.timeout(20) });
    await expect(claims.once('no time', second, notDone)).rejects.toThrow(
      expect.objectContaining({ name: 'TimeoutError' }),
    );
    first.complete();
    await first.ended;
  });

  it('gives way to the reason for which the work failed, when DynamoDB does not record the failure', async () => {
    const reason = new Error('the reason');
    const held = claims.once('not recorded', claimant('first'), async () => {
      claims.dynamo.middlewareStack.add(() => () => Promise.reject(new Error('DynamoDB is down')), {
        step: 'build',
        name: 'down',
      });
      throw reason;
    });
    await expect(held).rejects.toBe(reason);
    claims.dynamo.middlewareStack.remove('down');
  });
});

describe('The last run of an event', () => {
  it('is missing, unfinished or finished, and counts the runs in isolation', async () => {
    const claims = newClaims();
    const running = hold('running', claimant('running', { isolatedRuns: 3 }), claims);
    await running.began;
    const failing = () => Promise.reject(new Error('failed'));
    await claims.once('last run failed', claimant('failed'), failing).catch(() => {});
    await claims.once('last run completed', claimant('completed'), handled);
    await claims.recordFailure('failed before', 'a message');
    await claims.recordFailure('running', 'another message');
    await claims.recordFailure('last run completed', 'another message');
    const keys = ['running', 'last run failed', 'last run completed', 'failed before', 'never ran', 'running'];
    expect(Object.fromEntries(await claims.lastRuns(keys, AbortSignal.timeout(10_000)))).toEqual({
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

describe('When responses of DynamoDB are lost', () => {
  let proxy: FaultyProxy;
  let claims: IdempotencyStore;
  beforeEach(async () => {
    proxy = await FaultyProxy.start({ target: aws.emulators.environment.AWS_ENDPOINT_URL_DYNAMODB as string });
    claims = newClaims(proxy.origin);
  });
  afterEach(async () => {
    vi.useRealTimers();
    await proxy.stop();
  });

  /** @returns how many requests had the fault */
  function lose(mark: string, times: number, fault: Fault): () => number {
    let happened = 0;
    proxy.decide = ({ text }) => {
      if (!text.includes(mark) || happened >= times) return undefined;
      happened += 1;
      return fault;
    };
    return () => happened;
  }
  const TAKING = 'ReturnValuesOnConditionCheckFailure';
  const COMPLETING = ':completed';
  const connectionLost = expect.objectContaining({ code: 'ECONNRESET' });

  it('one of taking the lease: the SDK repeats the request, and the delivery has the lease', async () => {
    const happened = lose(TAKING, 1, { loseResponse: 'cut' });
    expect(await claims.once('one response', claimant('first'), handled)).toBe('handled');
    expect(happened()).toBe(1);
  });

  it('one of taking a lease over: the SDK repeats the request, and the delivery has the lease', async () => {
    await hold('over', claimant('killed', { remainingMilliseconds: 1 }), claims).began;
    const happened = lose(':otherOwner', 1, { loseResponse: 'cut' });
    const second = await takeOver('over', 'second', claims);
    second.complete();
    expect(await second.ended).toBe('handled');
    expect(happened()).toBe(1);
  });

  it('all of taking the lease: the delivery gives it back, and the next one has it', async () => {
    const happened = lose(TAKING, Number.POSITIVE_INFINITY, { loseResponse: 'cut' });
    await expect(claims.once('all responses', claimant('first'), notDone)).rejects.toThrow(connectionLost);
    expect(happened()).toBeGreaterThan(1);
    expect(await newClaims().once('all responses', claimant('second'), handled)).toBe('handled');
  });

  it('all requests to take the lease: the next delivery has it, and knows that the last one failed', async () => {
    lose(TAKING, Number.POSITIVE_INFINITY, { lose: 'cut' });
    await expect(claims.once('all requests', claimant('first'), notDone)).rejects.toThrow(connectionLost);
    const runs = await claims.lastRuns(['all requests'], AbortSignal.timeout(10_000));
    expect(runs.get('all requests')).toEqual({ state: 'finished', isolatedRuns: 0 });
    expect(await newClaims().once('all requests', claimant('second'), handled)).toBe('handled');
  });

  it('all of completing: the event stays completed', async () => {
    const happened = lose(COMPLETING, Number.POSITIVE_INFINITY, { loseResponse: 'cut' });
    await expect(claims.once('completing', claimant('first'), handled)).rejects.toThrow(connectionLost);
    expect(happened()).toBeGreaterThan(1);
    expect(await claims.once('completing', claimant('first'), notDone)).toBe('handled');
    expect(await claims.once('completing', claimant('second'), notDone)).toBe('duplicate');
  });

  it('completing ends in time to report the batch', async () => {
    const requests = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    const left = [...requests];
    proxy.decide = ({ operation }) =>
      operation === 'UpdateItem' ? { lose: 'silent', before: () => left.shift()?.resolve() } : undefined;
    const remaining = { milliseconds: 10_000 };
    const context = { getRemainingTimeInMillis: () => remaining.milliseconds } as Context;
    const held = hold('in time', claimant('first', { context }), claims);
    await held.began;
    // The SDK's timers too: nothing but the deadline can end the requests.
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

describe('With a clock that is wrong by an hour,', () => {
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

  it.each(PAIRS)(
    'the owner’s by %i ms and the other’s by %i ms, a lease is kept while its owner lives',
    async (own, other) => {
      const key = `kept ${own} ${other}`;
      setClock(own);
      const first = hold(key, claimant('first', { remainingMilliseconds: 600_000 }), newClaims());
      await first.began;
      setClock(other);
      const error = await reasonOf(newClaims().once(key, claimant('second'), notDone));
      expect(error).toBeInstanceOf(LeaseHeld);
      expect((error as LeaseHeld).seconds).toBeGreaterThan(500);
      expect((error as LeaseHeld).seconds).toBeLessThanOrEqual(602);
      first.complete();
      await first.ended;
    },
  );

  it.each(PAIRS)(
    'the owner’s by %i ms and the other’s by %i ms, a lease ends with its owner’s time',
    async (own, other) => {
      const key = `ended ${own} ${other}`;
      setClock(own);
      await hold(key, claimant('killed', { remainingMilliseconds: 1 }), newClaims()).began;
      setClock(other);
      const claims = newClaims();
      // The shifted clock stands still: the real one decides.
      const second = await takeOver(key, 'second', claims);
      second.complete();
      expect(await second.ended).toBe('handled');
    },
  );

  it.each([HOUR_MILLISECONDS, -HOUR_MILLISECONDS])(
    'by %i ms, a lease whose owner was killed before it corrected it holds nothing up',
    async (shift) => {
      const key = `killed ${shift}`;
      setClock(shift);
      const killed = newClaims();
      interceptUpdates(killed.dynamo, () => Promise.reject(new Error('killed')));
      await expect(killed.once(key, claimant('killed'), notDone)).rejects.toThrow('killed');
      setClock(0);
      expect(await newClaims().once(key, claimant('second'), handled)).toBe('handled');
    },
  );

  it.each([HOUR_MILLISECONDS, -HOUR_MILLISECONDS])(
    'by %i ms, an event runs once although another worker takes the lease over before it is corrected',
    async (shift) => {
      const key = `corrected ${shift}`;
      setClock(shift);
      const first = newClaims();
      let second: ReturnType<typeof hold> | undefined;
      interceptUpdates(first.dynamo, async () => {
        if (second !== undefined) return;
        setClock(0);
        second = hold(key, claimant('second'), newClaims());
        await second.began;
      });
      await expect(first.once(key, claimant('first'), notDone)).rejects.toThrow(LeaseHeld);
      second?.complete();
      expect(await second?.ended).toBe('handled');
    },
  );

  /** Does something before each request that changes a record. */
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
