import { describe, expect, it } from 'vitest';
import { Drop, onCallback, onEvent, RetryAfter } from '../../lib/handler.ts';
import { toSafeError } from '../../lib/handler-runtime/thrown-values.ts';
import { errorFields } from '../../lib/observability/error-fields.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { run } from '../../lib/testing/run.ts';
import { hostileValues } from '../support/hostile-values.ts';

class OrderNotFound extends Error {
  override readonly name = 'OrderNotFound';
}

describe('A thrown value', () => {
  it.each([
    new Error('failed'),
    new OrderNotFound('12'),
    new Drop('not for us'),
    new RetryAfter(60, 'rate limited'),
    new DOMException('late', 'TimeoutError'),
    new AggregateError([new Error('one')], 'all failed'),
    Object.assign(new Error('failed'), { stack: undefined }),
  ])('is kept if it is a readable error: %s', (error) => {
    expect(toSafeError(error)).toBe(error);
  });

  it.each(hostileValues)('becomes a readable error if it is %s', (_, value) => {
    const error = toSafeError(value);
    expect(error).toBeInstanceOf(Error);
    expect(error instanceof Drop || error instanceof RetryAfter).toBe(false);
    expect(error).toMatchObject({ name: expect.any(String), message: expect.stringMatching(/./) });
    expect(errorFields(error).error).toContain(error.message);
    expect(structuredClone(error)).toBeInstanceOf(Error);
  });

  it('stays readable if it is a Proxy that throws later', () => {
    let isBroken = false;
    const throwIfBroken = (): undefined => {
      if (isBroken) throw undefined;
    };
    const handler: ProxyHandler<Error> = {
      get: (target, name) => throwIfBroken() ?? Reflect.get(target, name),
      getPrototypeOf: (target) => throwIfBroken() ?? Reflect.getPrototypeOf(target),
    };
    const errors = [new Proxy(new Drop('not for us'), handler), Object.create(new Proxy(new Error('failed'), handler))];
    const safe = errors.map(toSafeError);
    isBroken = true;
    expect(safe.map((error) => [error instanceof Error, error.message])).toEqual([
      [true, 'Drop: not for us'],
      [true, 'Error: failed'],
    ]);
  });

  it('keeps its message, or its type and the reason from the platform', () => {
    expect(toSafeError('not found').message).toBe('not found');
    expect(toSafeError(undefined).message).toBe('a thrown undefined');
    expect(toSafeError({ response: { data: { code: 1, msg: 'rejected' } } }).message).toBe(
      'a thrown object (Feishu: 1 rejected)',
    );
  });
});

describe('The test kit', () => {
  const message = createSample('im.message.receive_v1', { version: '2.0', token: '' });
  const click = createSample('card.action.trigger', { version: '2.0', token: '' });

  it.each(hostileValues)('reports an event handler that throws %s as failed', async (_, value) => {
    for (const attempt of [1, 5]) {
      const handler = onEvent('im.message.receive_v1', () => {
        throw value;
      });
      const result = await run(handler, message, { attempt });
      expect(result).toMatchObject({ outcome: attempt === 5 ? 'dead' : 'retrying', error: expect.any(Error) });
    }
    expect(
      await run(
        onEvent('im.message.receive_v1', () => Promise.reject(value)),
        message,
      ),
    ).toMatchObject({
      outcome: 'retrying',
    });
  });

  it.each(hostileValues)('reports a callback handler that throws or returns %s as failed', async (_, value) => {
    const throwing = onCallback('card.action.trigger', () => {
      throw value;
    });
    const rejecting = onCallback('card.action.trigger', () => Promise.reject(value));
    const returning = onCallback('card.action.trigger', () => value as never);
    const resolving = onCallback('card.action.trigger', async () => ({ toast: value }) as never);
    const failed = { outcome: 'failed', error: expect.any(Error), answer: { toast: { type: 'error' } } };
    expect(await run(throwing, click)).toMatchObject(failed);
    expect(await run(rejecting, click)).toMatchObject(failed);
    expect(await run(returning, click)).toMatchObject(value == null ? { outcome: 'answered', answer: {} } : failed);
    // JSON can represent some of the values. The others fail the handler, but not the run.
    expect(['answered', 'failed']).toContain((await run(resolving, click)).outcome);
  });
});
