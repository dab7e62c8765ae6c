import { Client, type HttpInstance, type HttpRequestOptions } from '@larksuiteoapi/node-sdk';

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

  const wrap = (part: object, path: string, partStubs: object): object =>
    new Proxy(part, {
      get(_, property) {
        if (typeof property === 'symbol' || ASKED_OF_ANYTHING.has(property)) return Reflect.get(part, property);
        const name = path === '' ? property : `${path}.${property}`;
        const value: unknown = Reflect.get(part, property);
        const stub: unknown = Reflect.get(partStubs, property);
        if (!(property in part)) throw mistake(`The SDK's client has no ${name}. ${listMembers(part, path)}`);
        if (typeof value === 'function') {
          return async (payload: unknown, options?: unknown) => {
            calls.push({ name, payload, ...(options !== undefined && { options }) });
            return typeof stub === 'function' ? stub(payload, options) : value.call(part, payload, options);
          };
        }
        return typeof value === 'object' && value !== null
          ? wrap(value, name, (stub as object | undefined) ?? {})
          : value;
      },
    });

  const sdkClient = new Client({
    appId: 'cli_test',
    appSecret: 'test',
    httpInstance: createHttpInstance(mistake),
    logger: SILENT,
  });
  checkStubs(sdkClient, stubs, '');
  return { client: wrap(sdkClient, '', stubs) as Client, calls, mistakes };
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
