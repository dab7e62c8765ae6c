import { Client, defaultHttpInstance, type HttpInstance, type HttpRequestOptions } from '@larksuiteoapi/node-sdk';
import { callWithoutWaiting } from '../api-client/rate-limits.ts';
import { routeSdkRequests } from '../api-client/sdk-routes.ts';
import { CardKit } from '../mock-platform/card-kit.ts';
import type { StartedMockPlatform } from '../mock-platform/start-mock-platform.ts';
import { BOT_OPEN_ID } from '../samples/sample-values.ts';
import { createLazyObject } from '../util/lazy-object.ts';

/** A call of the official SDK's client. */
export interface FeishuCall {
  /** The method's path in the client, for example `im.message.reply`. */
  name: string;
  /** The first argument. */
  payload: unknown;
  /** The second argument, for example from `withTenantKey`. */
  options?: unknown;
}

/**
 * Functions to run instead of the client's methods, in the shape of the client:
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
  /** In call order. */
  calls: FeishuCall[];
  /** Errors of the test or the handler that the handler may have caught, such as calls of methods that do not exist. */
  mistakes: Error[];
  /** The cards of streamed replies. */
  cards: CardKit;
}

/** Properties that `await`, `JSON.stringify` and test runners read from any object. */
const PROBED_PROPERTIES: ReadonlySet<string | symbol> = new Set(['then', 'toJSON', 'asymmetricMatch', 'nodeType']);

/**
 * Creates a client of the official SDK that uses no network. It runs the SDK's own code, so a missing path argument is
 * detected. CardKit behaves like the platform. Every other request gets the response
 * `{ code: 0, msg: 'success', data: {} }`, unless a mock platform responds.
 *
 * @param mockPlatform responds to the requests
 * @throws {TypeError} if a stub does not match a method of the client
 */
export function createFakeClient(stubs: FeishuStubs, mockPlatform?: StartedMockPlatform): FakeClient {
  const calls: FeishuCall[] = [];
  const mistakes: Error[] = [];
  // Handlers' tests may be faster than the platform allows.
  let now = Date.now();
  const cards = mockPlatform?.platform.cardKit ?? new CardKit(() => (now += 1000));
  const reportMistake = (message: string) => {
    const error = new TypeError(message);
    mistakes.push(error);
    return error;
  };

  const record = (name: string, parameters: unknown[]) => {
    const [payload, options] = parameters;
    calls.push({ name, payload, ...(options !== undefined && { options }) });
  };

  const wrap = (part: object, path: string, partStubs: object): object => {
    // Cached, so that a method is the same function each time, as in the client itself.
    const wrappers = new Map<string, { value: unknown; wrapper: unknown }>();
    const wrapMember = (name: string, value: unknown, stub: unknown): unknown => {
      if (typeof value === 'object' && value !== null) return wrap(value, name, (stub as object | undefined) ?? {});
      if (typeof value !== 'function') return value;
      return function (this: unknown, ...parameters: unknown[]) {
        record(name, parameters);
        if (typeof stub === 'function') {
          return callWithoutWaiting(() => Promise.try(() => stub(...parameters)), SILENT_LOGGER);
        }
        // Keeps the original `this`, so that a call that fails when deployed also fails here.
        return Reflect.apply(value, this === proxy ? part : this, parameters);
      };
    };
    const proxy: object = new Proxy(part, {
      get(_, property) {
        const value: unknown = Reflect.get(part, property);
        if (typeof property === 'symbol' || property in Object.prototype || PROBED_PROPERTIES.has(property))
          return value;
        const name = path === '' ? property : `${path}.${property}`;
        if (!(property in part)) throw reportMistake(`The SDK's client has no ${name}. ${listMembers(part, path)}`);
        const cached = wrappers.get(property);
        if (cached !== undefined && cached.value === value) return cached.wrapper;
        const wrapper = wrapMember(name, value, Reflect.get(partStubs, property));
        wrappers.set(property, { value, wrapper });
        return wrapper;
      },
    });
    return proxy;
  };

  // A proxy must not receive the requests to the mock platform.
  if (mockPlatform !== undefined) routeSdkRequests(defaultHttpInstance);
  const sdkClient = new Client({
    appId: 'cli_test',
    appSecret: 'test',
    ...(mockPlatform === undefined
      ? { httpInstance: createHttpInstance(cards, reportMistake) }
      : { domain: mockPlatform.origin }),
    logger: SILENT_LOGGER,
  });
  checkStubs(sdkClient, stubs, '');
  // Wrapped like the worker's client, so that both behave the same.
  return { client: createLazyObject(() => wrap(sdkClient, '', stubs) as Client), calls, mistakes, cards };
}

/** The SDK's default logger would print every failing call. */
const SILENT_LOGGER = { error() {}, warn() {}, info() {}, debug() {}, trace() {} };

/** Mocks the platform's API. The SDK itself calls `request`, and `post` for the tenant access token. */
function createHttpInstance(cards: CardKit, reportMistake: (message: string) => Error): HttpInstance {
  const respond = async <Response>(options: HttpRequestOptions<unknown>): Promise<Response> => {
    const { method = '', url = '', responseType, data } = options;
    const path = new URL(url, 'http://localhost').pathname;
    const cardKit = cards.handle(method.toUpperCase(), path, data);
    if (cardKit !== undefined) return cardKit.body as Response;
    if (responseType === 'stream')
      throw reportMistake(`${method} ${url} downloads a file: stub the method that sends this request`);
    const success = { code: 0, msg: 'success', data: {}, tenant_access_token: 'test', expire: 7200 };
    // Without it, `isMentioned()` would fail.
    const bot = path === '/open-apis/bot/v3/info' && { bot: { open_id: BOT_OPEN_ID } };
    return { ...success, ...bot } as Response;
  };
  const withoutBody = (method: string) => (url: string, options?: object) =>
    respond<never>({ ...options, method, url });
  const withBody = (method: string) => (url: string, data: unknown, options?: object) =>
    respond<never>({ ...options, method, url, data });
  return {
    request: (options) => respond(options),
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
      throw new TypeError(`Stub ${name} does not match a method of the SDK's client. ${listMembers(part, path)}`);
    }
    if (typeof value === 'object' && value !== null) checkStubs(value, stub, name);
  }
}

function listMembers(part: object, path: string): string {
  return `${path === '' ? 'The client' : path} has: ${Object.keys(part).join(', ')}.`;
}
