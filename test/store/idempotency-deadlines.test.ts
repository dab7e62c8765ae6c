import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Context } from 'aws-lambda';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createIdempotencyStore, LeaseHeld, type LeaseOwner, recordIdOf } from '../../lib/store/idempotency.ts';

// In simulated time, with a DynamoDB that responds to some operations only.

// Vitest fakes the global timers only.
vi.mock('node:timers/promises', () => ({
  setTimeout: (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
}));

// The first request of a process reads the AWS configuration, which takes real time.
beforeAll(() => createStore(() => ({})).store.recordFailure('key', 'a message'));
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const HELD = {
  __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException',
  Item: { status: { S: 'INPROGRESS' }, claimant: { S: 'other' } },
};

/** @param respond returns the response to the nth request of an operation; `undefined`: none */
function createStore(respond: (operation: string, count: number) => object | undefined) {
  const requests: string[] = [];
  const client = new DynamoDBClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    requestHandler: {
      async handle({ headers }: { headers: Record<string, string> }) {
        const operation = `${headers['x-amz-target']}`.replace(/^.*\./, '');
        requests.push(operation);
        const response = respond(operation, requests.filter((one) => one === operation).length);
        if (response === undefined) return new Promise(() => {});
        const statusCode = '__type' in response ? 400 : 200;
        const body = new TextEncoder().encode(JSON.stringify(response));
        return { response: { statusCode, headers: { 'content-type': 'application/x-amz-json-1.0' }, body } };
      },
    } as never,
  });
  return { store: createIdempotencyStore(client, 'table'), requests };
}

function owner(options: Partial<LeaseOwner> = {}): LeaseOwner {
  const context = { getRemainingTimeInMillis: () => 60_000 } as Context;
  return { messageId: 'a message', isLastDelivery: false, context, signal: new AbortController().signal, ...options };
}

/** Tells after how many milliseconds a promise settled. */
async function settledAfter(promise: Promise<unknown>, step = 100): Promise<number> {
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  promise.then(settle, settle);
  for (let milliseconds = 0; milliseconds <= 120_000; milliseconds += step) {
    // The client itself needs real time.
    for (let turn = 0; turn < 50 && !isSettled; turn += 1) await new Promise(setImmediate);
    if (isSettled) return milliseconds;
    await vi.advanceTimersByTimeAsync(step);
  }
  return Number.POSITIVE_INFINITY;
}

const handled = async () => 'handled';

describe('When DynamoDB does not respond,', () => {
  it('recording a failure ends after half a second, without an error', async () => {
    const { store, requests } = createStore(() => undefined);
    const recording = store.recordFailure('key', 'a message');
    expect(await settledAfter(recording)).toBe(500);
    await expect(recording).resolves.toBeUndefined();
    expect(requests).toEqual(['UpdateItem']);
  });

  it('the error of the work is thrown half a second later', async () => {
    const { store } = createStore((operation) => (operation === 'PutItem' ? {} : undefined));
    const failure = new Error('failed');
    const running = store.once('key', owner(), () => Promise.reject(failure));
    expect(await settledAfter(running)).toBe(500);
    await expect(running).rejects.toBe(failure);
  });

  it('completing ends 1.5 seconds before the invocation', async () => {
    const { store } = createStore((operation) => (operation === 'PutItem' ? {} : undefined));
    const context = { getRemainingTimeInMillis: () => 10_000 } as Context;
    const running = store.once('key', owner({ context }), handled);
    // Then the failure is recorded, for half a second.
    expect(await settledAfter(running)).toBe(10_000 - 1500 + 500);
    await expect(running).rejects.toThrow(expect.objectContaining({ name: 'TimeoutError' }));
  });
});

describe('A lease that another worker holds', () => {
  it('is an error at once, and no failure is recorded', async () => {
    const { store, requests } = createStore(() => HELD);
    await expect(store.once('key', owner(), handled)).rejects.toThrow(LeaseHeld);
    expect(requests).toEqual(['PutItem']);
  });

  it('is polled every half second at the last delivery', async () => {
    const { store, requests } = createStore((operation, count) => (operation === 'PutItem' && count < 4 ? HELD : {}));
    const running = store.once('key', owner({ isLastDelivery: true }), handled);
    expect(await settledAfter(running)).toBe(1500);
    expect(await running).toBe('handled');
    expect(requests).toEqual(['PutItem', 'PutItem', 'PutItem', 'PutItem', 'UpdateItem']);
  });

  it('is polled no longer than there is time', async () => {
    const { store } = createStore((operation) => (operation === 'PutItem' ? HELD : {}));
    const controller = new AbortController();
    const reason = new Error('no time left');
    setTimeout(() => controller.abort(reason), 1200);
    const running = store.once('key', owner({ isLastDelivery: true, signal: controller.signal }), handled);
    expect(await settledAfter(running)).toBe(1200);
    await expect(running).rejects.toBe(reason);
  });

  it.each([
    [-5000, 1],
    [0, 1],
    [1000, 1],
    [1001, 2],
    [600_000, 600],
  ])('for %i ms ends within %i whole seconds', (milliseconds, seconds) => {
    const error = new LeaseHeld(milliseconds);
    expect(error.seconds).toBe(seconds);
    expect(error.name).toBe('LeaseHeld');
    expect(error.message).toMatch(/worker/);
  });
});

describe('The id of an event’s record', () => {
  it('is a hash of its key', () => {
    expect(recordIdOf('key')).toMatch(/^event#[\w+/]{43}=$/);
    expect(recordIdOf('key')).not.toBe(recordIdOf('another key'));
  });
});
