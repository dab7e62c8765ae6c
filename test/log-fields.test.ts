import { describe, expect, it } from 'vitest';
import { logFields } from '../lib/log-fields.ts';

/** As an HTTP client throws it: with the request, which has secrets in it. */
function clientError(): Error {
  const config = { headers: { Authorization: 'Bearer t-secret' }, data: '{"app_secret":"secret"}' };
  return Object.assign(new Error('Request failed'), { config, toJSON: () => ({ message: 'Request failed', config }) });
}

describe('What a log writes', () => {
  it.each<[string, (error: Error) => unknown]>([
    ['as a field', (error) => error],
    ['in a list', (error) => [1, error]],
    ['among results', (error) => [{ status: 'rejected', reason: error }]],
    ['in an object', (error) => ({ context: { error } })],
    ['as a cause', (error) => new Error('not sent', { cause: error })],
    ['in what toJSON returns', (error) => ({ toJSON: () => ({ error }) })],
  ])('of an error %s is its name and message, and nothing of its request', (_, place) => {
    const text = JSON.stringify(logFields({ results: place(clientError()) }));
    expect(text).toMatch(/Error: (Request failed|not sent)/);
    expect(text).not.toContain('secret');
  });

  it('is what JSON holds of everything else', () => {
    const date = new Date(0);
    const fields = { text: 'a', number: 1, nothing: null, list: [1, { a: true }], date };
    expect(JSON.parse(JSON.stringify(logFields(fields)))).toEqual({ ...fields, date: date.toISOString() });
  });

  it('never throws, whatever it is given', () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    let deep: unknown = 'deep';
    for (let depth = 0; depth < 100_000; depth += 1) deep = [deep];
    const unreadable = Object.defineProperty({}, 'a', { enumerable: true, get: () => Reflect.get(null as never, 'b') });
    const fields = { circular, deep, unreadable, big: 1n, symbol: Symbol('s'), call: () => {}, none: undefined };
    expect(JSON.parse(JSON.stringify(logFields(fields)))).toMatchObject({
      circular: { self: '[circular]' },
      unreadable: '[unreadable]',
      big: '1',
      symbol: 'Symbol(s)',
    });
  });
});
