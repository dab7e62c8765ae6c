import { Client, type HttpInstance, type HttpRequestOptions } from '@larksuiteoapi/node-sdk';
import { createLazyObject } from '../util/lazy-object.ts';

/** One call of the official SDK's client. */
export interface FeishuCall {
  /** Where it is in the client, for example `im.message.reply`. */
  name: string;
  /** Its first argument. */
  payload: unknown;
  /** Its second, such as what `withTenantKey` makes. */
  options?: unknown;
}

/**
 * What calls return instead of the fake's own answer, in the shape of the client:
 * `{ im: { message: { reply: () => ({ code: 0, data: { message_id: 'om_1' } }) } } }`.
 */
export type FeishuStubs = Stubs<Client>;

type Stubs<Part> = {
  readonly [Name in keyof Part]?: Part[Name] extends (...parameters: infer Parameters) => Promise<infer Response>
    ? (...parameters: Parameters) => Response | Promise<Response>
    : Part[Name] extends object
      ? Stubs<Part[Name]>
      : never;
};

export interface FakeClient {
  client: Client;
  /** In the order they were made. */
  calls: FeishuCall[];
  /** What a handler may have caught, but is the test's or the handler's mistake: a method that there is not. */
  mistakes: Error[];
}

/** Names that are asked of anything, by `await`, `JSON.stringify` and test runners' printers. */
const ASKED_OF_ANYTHING: ReadonlySet<string | symbol> = new Set(['then', 'toJSON', 'asymmetricMatch', 'nodeType']);

/**
 * Makes a client of the official SDK that reaches no network. The code that runs is the SDK's own, so that a path
 * argument that is missing is found; in the platform's place, `{ code: 0, msg: 'success', data: {} }` is answered.
 *
 * @throws {TypeError} when a stub is at a place where the client has no method
 */
export function createFakeClient(stubs: FeishuStubs): FakeClient {
  const calls: FeishuCall[] = [];
  const mistakes: Error[] = [];
  const mistake = (message: string) => {
    const error = new TypeError(message);
    mistakes.push(error);
    return error;
  };

  const record = (name: string, parameters: unknown[]) => {
    const [payload, options] = parameters;
    calls.push({ name, payload, ...(options !== undefined && { options }) });
  };

  const wrap = (part: object, path: string, partStubs: object): object => {
    // The same each time, as in the client itself.
    const wrapped = new Map<string, { value: unknown; wrapper: unknown }>();
    const wrapMember = (name: string, value: unknown, stub: unknown): unknown => {
      if (typeof value === 'object' && value !== null) return wrap(value, name, (stub as object | undefined) ?? {});
      if (typeof value !== 'function') return value;
      return function (this: unknown, ...parameters: unknown[]) {
        record(name, parameters);
        if (typeof stub === 'function') return Promise.try(() => stub(...parameters));
        // With the `this` that it would have without the wrapper: what fails when deployed has to fail here.
        return Reflect.apply(value, this === proxy ? part : this, parameters);
      };
    };
    const proxy: object = new Proxy(part, {
      get(_, property) {
        const value: unknown = Reflect.get(part, property);
        if (typeof property === 'symbol' || property in Object.prototype || ASKED_OF_ANYTHING.has(property))
          return value;
        const name = path === '' ? property : `${path}.${property}`;
        if (!(property in part)) throw mistake(`The SDK's client has no ${name}. ${listMembers(part, path)}`);
        const known = wrapped.get(property);
        if (known !== undefined && known.value === value) return known.wrapper;
        const wrapper = wrapMember(name, value, Reflect.get(partStubs, property));
        wrapped.set(property, { value, wrapper });
        return wrapper;
      },
    });
    return proxy;
  };

  const sdkClient = new Client({
    appId: 'cli_test',
    appSecret: 'test',
    httpInstance: createHttpInstance(mistake),
    logger: SILENT,
  });
  checkStubs(sdkClient, stubs, '');
  // In the worker's own wrapper, so that no handler passes its test by what it does not find there.
  return { client: createLazyObject(() => wrap(sdkClient, '', stubs) as Client), calls, mistakes };
}

/** It would print each call that a stub lets fail. */
const SILENT = { error() {}, warn() {}, info() {}, debug() {}, trace() {} };

/** Answers in the platform's place. The SDK itself calls `request`, and `post` for the tenant's access token. */
function createHttpInstance(mistake: (message: string) => Error): HttpInstance {
  const answer = async <Answer>({ method, url, responseType }: HttpRequestOptions<unknown>): Promise<Answer> => {
    if (responseType === 'stream') throw mistake(`${method} ${url} downloads a file: stub the call that does it`);
    return { code: 0, msg: 'success', data: {}, tenant_access_token: 'test', expire: 7200 } as Answer;
  };
  const withoutBody = (method: string) => (url: string, options?: object) => answer<never>({ ...options, method, url });
  const withBody = (method: string) => (url: string, data: unknown, options?: object) =>
    answer<never>({ ...options, method, url, data });
  return {
    request: (options) => answer(options),
    get: withoutBody('GET'),
    delete: withoutBody('DELETE'),
    head: withoutBody('HEAD'),
    options: withoutBody('OPTIONS'),
    post: withBody('POST'),
    put: withBody('PUT'),
    patch: withBody('PATCH'),
  };
}

function checkStubs(part: object, stubs: object, path: string): void {
  for (const [property, stub] of Object.entries(stubs)) {
    const name = path === '' ? property : `${path}.${property}`;
    const value: unknown = Reflect.get(part, property);
    const isMethod = typeof value === 'function';
    if (value === undefined || isMethod !== (typeof stub === 'function')) {
      throw new TypeError(
        `There is a stub of ${name}, but no such method of the SDK's client. ${listMembers(part, path)}`,
      );
    }
    if (typeof value === 'object' && value !== null) checkStubs(value, stub, name);
  }
}

function listMembers(part: object, path: string): string {
  return `${path === '' ? 'It' : path} has: ${Object.keys(part).join(', ')}.`;
}
