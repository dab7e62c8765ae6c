import { request as startRequest } from 'node:http';
import { runInNewContext } from 'node:vm';
import { defaultHttpInstance } from '@larksuiteoapi/node-sdk';
import { describe, expect, it } from 'vitest';
import { startHttpServer } from '../../lib/local/http-server.ts';
import { errorFields } from '../../lib/observability/error-fields.ts';
import { logEntry, logFields } from '../../lib/observability/log-fields.ts';
import { jsonResponse } from '../../lib/webhook/http.ts';
import { hostileValues } from '../support/hostile-values.ts';

/** Returns an error of the official SDK's HTTP client. */
async function failedRequest() {
  const body = { code: 230002, msg: 'Bot can NOT be out of the chat', error: { details: 'secret' } };
  const server = await startHttpServer('127.0.0.1', 0, () =>
    jsonResponse(400, body, { 'x-tt-logid': 'secret log id' }),
  );
  const url = `${server.origin}/open-apis/im/v1/messages/om_1/reply`;
  const sent = { content: 'secret' };
  const error = await defaultHttpInstance.post(url, sent, { headers: { Authorization: 'Bearer t-secret' } }).then(
    () => undefined,
    (reason) => reason,
  );
  await server.stop();
  return error;
}

const clientError = await failedRequest();
const { config, response } = clientError;

/** Wraps an error of the HTTP client as an SDK might. */
class ApiFailure {
  readonly operation = 'reply';
  readonly failure: unknown;
  constructor(failure: unknown) {
    this.failure = failure;
  }
}
/** Inherits properties that are not enumerable. */
class InheritedResponse {
  get config() {
    return config;
  }
  get status() {
    return 400;
  }
  get data() {
    return response.data;
  }
}

const PLACES: [string, (value: unknown) => unknown][] = [
  ['instead of the fields', (value) => value],
  ['as a field', (value) => ({ value })],
  ['instead of the fields, in a list', (value) => [value]],
  ['in a list', (value) => ({ list: [1, value] })],
  ['among results', (value) => ({ results: [{ status: 'rejected', reason: value }] })],
  ['in an object', (value) => ({ context: { value } })],
  ['in an object without a prototype', (value) => ({ context: Object.assign(Object.create(null), { value }) })],
  ['as a cause', (value) => ({ error: new Error('not sent', { cause: value }) })],
  ['as the cause of a cause', (value) => new Error('not sent', { cause: new Error('rejected', { cause: value }) })],
  ['as a cause in a plain object', (value) => ({ failure: { cause: value } })],
  ['in an AggregateError', (value) => new AggregateError([new Error('not sent'), value], 'None was sent')],
  ['in a Map', (value) => ({ map: new Map([['value', value]]) })],
  ['instead of the fields, in a Map', (value) => new Map([['value', value]])],
  ['as the key of a Map', (value) => ({ map: new Map([[value, 'value']]) })],
  ['in a Set', (value) => ({ set: new Set([value]) })],
  ['in an instance of a class', (value) => ({ failure: new ApiFailure(value) })],
  ['in the result of toJSON', (value) => ({ failure: { toJSON: () => ({ value }) } })],
  ['as the result of toJSON', (value) => ({ failure: { toJSON: () => value } })],
];

const CARRIERS: [string, unknown, string][] = [
  ['an error of the HTTP client', clientError, 'Feishu: 230002 Bot can NOT be out of the chat'],
  ['its JSON', clientError.toJSON(), 'Request failed'],
  ['a copy of its properties', { ...clientError }, '"status":400'],
  ['its response', response, '"status":400,"code":230002,"msg":"Bot can NOT be out of the chat"'],
  ['a plain object like a response', { config: { headers: config.headers }, data: 'secret', status: 502 }, '502'],
  ['an instance that inherits its request', new InheritedResponse(), '"code":230002'],
  ['an object with a request', { request: { headers: { authorization: 'Bearer t-secret' } } }, 'omitted'],
  ['an object with a response', { response: { data: { msg: 'secret' } } }, 'omitted'],
  ['the options of a request', config, 'omitted'],
  ['an error of another realm', runInNewContext("Object.assign(new Error('Failed'), { secret: 'secret' })"), 'Failed'],
];

describe('A log line', () => {
  it('is tested with an error that contains its request', () => {
    expect(clientError).toBeInstanceOf(Error);
    expect(JSON.stringify([config, response.data])).toMatch(/Bearer t-secret.*secret/);
    expect(clientError.request).toHaveProperty('_header', expect.stringContaining('Bearer t-secret'));
  });

  describe.each(PLACES)('%s', (_, place) => {
    it.each(CARRIERS)('with %s contains no part of the request', (_name, carrier) => {
      const text = JSON.stringify(logFields(place(carrier)));
      expect(text).not.toMatch(/secret|Bearer/);
      expect(text).toMatch(/Request failed|not sent|omitted|status|Failed|None was sent/);
    });
  });

  it.each(CARRIERS)('with %s contains the reason of the failure', (_, carrier, reason) => {
    expect(JSON.stringify(logFields({ carrier }))).toContain(reason);
  });

  it('with a Node.js request contains none of its headers', () => {
    const request = startRequest('http://127.0.0.1:9', { headers: { authorization: 'Bearer t-secret' } });
    request.on('error', () => {}).flushHeaders();
    expect(JSON.stringify([logFields({ request }), logFields({ list: [request] }), logFields(request)])).not.toMatch(
      /secret|Bearer/,
    );
    request.destroy();
  });

  it('with headers hides credentials', () => {
    const headers = { Authorization: 'Bearer t-secret', 'x-lark-helpdesk-authorization': 'secret', accept: '*/*' };
    expect(logFields({ headers })).toEqual({
      headers: { Authorization: '[hidden]', 'x-lark-helpdesk-authorization': '[hidden]', accept: '*/*' },
    });
  });

  it('contains all other values as JSON represents them', () => {
    const date = new Date(0);
    const fields = { text: 'a', number: 1, nothing: null, list: [1, { a: true }], date };
    expect(JSON.parse(JSON.stringify(logFields(fields)))).toEqual({ ...fields, date: date.toISOString() });
  });

  it("keeps values that only share the names of an HTTP client's properties, such as the result of an SDK call", () => {
    const fields = {
      response: { code: 0, msg: 'success', data: { message_id: 'om_1' } },
      config: { retries: 3 },
      request: 'GET /orders',
    };
    expect(logFields(fields)).toEqual(fields);
    expect(logFields({ nested: fields })).toEqual({ nested: fields });
  });

  it('moves the first error to the top level, whatever the name of its field, and keeps others in their fields', () => {
    const [first, second] = [new TypeError('first'), new RangeError('second')];
    expect(logFields({ chat: 'oc_1', failure: first })).toEqual({
      chat: 'oc_1',
      error: 'TypeError: first',
      stack: first.stack,
    });
    expect(logFields({ earlier: first, error: second })).toEqual({
      earlier: { error: 'TypeError: first', stack: first.stack },
      error: 'RangeError: second',
      stack: second.stack,
    });
    expect(logFields({ error: 'E-1', failure: first })).toMatchObject({
      error: 'E-1',
      failure: { error: 'TypeError: first' },
    });
  });

  it('contains the entries of Maps and Sets, and the number of bytes', () => {
    const fields = {
      map: new Map([['a', 1]]),
      pairs: new Map([[1, 'a']]),
      set: new Set([1]),
      bytes: Buffer.from('ab'),
    };
    expect(logFields(fields)).toEqual({ map: { a: 1 }, pairs: [[1, 'a']], set: [1], bytes: '[2 bytes]' });
  });

  it.each([
    ['undefined', undefined, {}],
    ['null', null, {}],
    ['a string', 'oc_1', { extra: 'oc_1' }],
    ['a number', 1, { extra: 1 }],
    ['a symbol', Symbol('s'), { extra: 'Symbol(s)' }],
    ['a list', [1, 'a'], { extra: [1, 'a'] }],
    ['a function', () => {}, { extra: undefined }],
  ])('accepts %s instead of the fields', (_, fields, expected) => {
    expect(logFields(fields)).toEqual(expected);
  });

  it('accepts any value instead of the message', () => {
    const error = new TypeError('rejected');
    expect(logEntry(error, { chat: 'oc_1' })).toEqual({
      message: 'TypeError: rejected',
      fields: { error: 'TypeError: rejected', stack: error.stack, chat: 'oc_1' },
    });
    expect(JSON.stringify(logEntry(clientError, undefined))).not.toMatch(/secret|Bearer/);
    expect(logEntry({ chat: 'oc_1' }, undefined)).toEqual({ message: '(no message)', fields: { chat: 'oc_1' } });
    expect(logEntry(undefined, undefined)).toEqual({ message: '(no message)', fields: {} });
  });

  it('never throws for any value', () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    let deep: unknown = 'deep';
    for (let depth = 0; depth < 100_000; depth += 1) deep = [deep];
    const unreadable = Object.defineProperty({}, 'a', { enumerable: true, get: () => Reflect.get(null as never, 'b') });
    const fields = { circular, deep, unreadable, big: 1n, symbol: Symbol('s'), call: () => {}, none: undefined };
    expect(JSON.parse(JSON.stringify(logFields(fields)))).toMatchObject({
      circular: { self: '[circular]' },
      unreadable: { a: '[unreadable]' },
      big: '1',
      symbol: 'Symbol(s)',
    });
  });

  it.each(hostileValues)('is JSON if it is passed %s', (_, value) => {
    for (const given of [value, { value }, [value], new Map([[value, value]]), new Error('failed', { cause: value })]) {
      const written = logFields(given);
      expect(JSON.parse(JSON.stringify(written))).toEqual(expect.any(Object));
      expect(JSON.stringify(logEntry(given, given))).toMatch(/^\{"message":"/);
    }
    expect(logFields({ chat: 'oc_1', value })).toMatchObject({ chat: 'oc_1' });
  });

  it('is limited if an object is referenced very often', () => {
    let shared: unknown = 'a value';
    for (let depth = 0; depth < 9; depth += 1) shared = Array(30).fill(shared);
    expect(JSON.stringify(logFields({ shared })).length).toBeLessThan(1_000_000);
  });
});

describe('The fields of an error', () => {
  it.each([
    ['in the message', (error: Error) => error],
    ['in the message of a wrapping error', (error: Error) => new Error(`Unexpected response: ${error.message}`)],
    ['in the message of its cause', (error: Error) => new Error('Unexpected response', { cause: error })],
    ['in a thrown string', (error: Error) => error.message],
  ])('omit text that JSON.parse quotes %s', (_, wrap) => {
    for (const text of ['Hi, Bob', '"Hi" and much more, Bob, of a private matter', '{"a":1}\nHi, Bob', 'Hi "', "'"]) {
      const fields = errorFields(wrap(parseError(text)));
      expect(JSON.stringify(fields)).not.toMatch(/Hi|Bob/);
      expect(JSON.stringify(fields)).toMatch(/not valid JSON|after JSON at position|Unexpected response/);
    }
  });

  it('contain its causes', () => {
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    const error = new TypeError('fetch failed', { cause: new AggregateError([reset, 'no route'], 'all failed') });
    expect(errorFields(error)).toMatchObject({
      error: 'TypeError: fetch failed',
      cause: 'AggregateError: all failed; Error: read ECONNRESET; no route',
    });
  });

  it('are limited if an error is its own cause', () => {
    const error = new Error('again');
    error.cause = error;
    expect(errorFields(error).cause).toBe(Array(5).fill('Error: again').join('; '));
  });

  it('describe a thrown value that is not an error, with the reason from the platform', () => {
    expect(errorFields(null)).toEqual({ error: 'a thrown null' });
    expect(errorFields(undefined)).toEqual({ error: 'a thrown undefined' });
    expect(errorFields({ response })).toEqual({
      error: 'a thrown object (Feishu: 230002 Bot can NOT be out of the chat)',
    });
  });

  it('contain only what can be read', () => {
    const error = Object.defineProperty(new Error('failed'), 'response', {
      get() {
        throw new Error('unreadable');
      },
    });
    expect(errorFields(error)).toEqual({ error: 'Error: failed', stack: error.stack });
  });
});

function parseError(text: string): Error {
  try {
    JSON.parse(text);
  } catch (error) {
    return error as Error;
  }
  throw new Error('It is valid JSON');
}
