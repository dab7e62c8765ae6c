import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Context } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Claimant, ClaimHeld, type Claims, createClaims } from '../lib/claims.ts';
import { retryDelaySeconds } from '../lib/retry.ts';
import { emulatedAws } from './support/emulated-aws.ts';

const HOUR_MILLISECONDS = 60 * 60 * 1000;

describe('A claim', () => {
  const aws = emulatedAws();
  let dynamo: DynamoDBClient;
  let claims: Claims;
  beforeAll(() => {
    dynamo = new DynamoDBClient();
    claims = createClaims(dynamo, aws.emulators.claimsTable);
  });
  afterAll(() => dynamo.destroy());

  function claimant(messageId: string, options: Partial<Claimant> & { remainingMilliseconds?: number } = {}): Claimant {
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
  function hold(key: string, by: Claimant) {
    const { promise, resolve, reject } = Promise.withResolvers<'handled'>();
    const { promise: began, resolve: begin } = Promise.withResolvers<void>();
    const ended = claims.once(key, by, () => {
      begin();
      return promise;
    });
    ended.catch(() => {});
    return { began, ended, complete: () => resolve('handled'), fail: () => reject(new Error('failed')) };
  }

  const handled = () => Promise.resolve('handled');
  const notDone = () => Promise.reject(new Error('The work is done twice'));

  it('that has ended is taken over, and the one it was taken from cannot give it back', async () => {
    const first = hold('taken over', claimant('first', { remainingMilliseconds: 1 }));
    await first.began;
    await sleep(5);
    const second = hold('taken over', claimant('second'));
    await second.began;
    first.fail();
    await expect(first.ended).rejects.toThrow('failed');
    await expect(claims.once('taken over', claimant('third'), notDone)).rejects.toThrow(ClaimHeld);
    second.complete();
    expect(await second.ended).toBe('handled');
    expect(await claims.once('taken over', claimant('first'), notDone)).toBe('duplicate');
  });

  it('that is completed stays so, whatever fails later', async () => {
    const first = hold('completed', claimant('first', { remainingMilliseconds: 1 }));
    await first.began;
    await sleep(5);
    expect(await claims.once('completed', claimant('second'), handled)).toBe('handled');
    first.fail();
    await expect(first.ended).rejects.toThrow('failed');
    expect(await claims.once('completed', claimant('first'), notDone)).toBe('duplicate');
    expect(await claims.once('completed', claimant('second'), notDone)).toBe('handled');
  });

  it('that is held says when it has ended, and the event comes back then', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const first = hold('held', claimant('first', { remainingMilliseconds: 30_000 }));
    await first.began;
    const error = await claims.once('held', claimant('second'), notDone).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ClaimHeld);
    expect(retryDelaySeconds(error, 1)).toBe(1);
    expect(retryDelaySeconds(error, 4)).toBe((error as ClaimHeld).seconds);
    expect((error as ClaimHeld).seconds).toBe(30);
    first.complete();
    await first.ended;
  });

  it('is waited for at the last delivery, which would become a dead letter of a handled event', async () => {
    const first = hold('last delivery', claimant('first'));
    await first.began;
    const second = claims.once('last delivery', claimant('second', { isLastDelivery: true }), notDone);
    await sleep(50);
    first.complete();
    expect(await second).toBe('duplicate');
  });

  it('is waited for no longer than there is time', async () => {
    const first = hold('no time', claimant('first'));
    await first.began;
    const second = claimant('second', { isLastDelivery: true, signal: AbortSignal.timeout(20) });
    await expect(claims.once('no time', second, notDone)).rejects.toThrow(
      expect.objectContaining({ name: 'TimeoutError' }),
    );
    first.complete();
    await first.ended;
  });

  it.each([HOUR_MILLISECONDS, -HOUR_MILLISECONDS])('holds nothing up when a clock is wrong by %i ms', async (shift) => {
    const key = `clock ${shift}`;
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + shift });
    const killed = hold(key, claimant('first'));
    await killed.began;
    vi.useRealTimers();
    expect(await claims.once(key, claimant('first'), handled)).toBe('handled');
  });

  it('gives way to the reason for which the work failed, when DynamoDB does not let it be given back', async () => {
    const reason = new Error('the reason');
    const held = claims.once('not given back', claimant('first'), async () => {
      dynamo.middlewareStack.add(() => () => Promise.reject(new Error('DynamoDB is down')), {
        step: 'build',
        name: 'down',
      });
      throw reason;
    });
    await expect(held).rejects.toBe(reason);
    dynamo.middlewareStack.remove('down');
  });
});
