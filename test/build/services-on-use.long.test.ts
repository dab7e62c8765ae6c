import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as sdk from '@larksuiteoapi/node-sdk';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { platformSdkBundle } from '../../lib/build/bundle.ts';
import { PROJECT_ROOT } from '../support/project.ts';

describe('The client of the bundled SDK', () => {
  let folder: string;
  let outfile: string;
  let bundled: typeof sdk;
  const require = createRequire(import.meta.url);

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-sdk-'));
    const bundle = platformSdkBundle(PROJECT_ROOT, folder, { isWhole: false });
    ({ outfile } = bundle);
    await build(bundle);
    bundled = require(outfile);
  });

  afterAll(() => rm(folder, { recursive: true }));

  const options = { appId: 'cli_1', appSecret: 'secret', loggerLevel: sdk.LoggerLevel.fatal };
  const whole = new sdk.Client(options);
  const services = Object.keys(whole).filter((name) => isService(Reflect.get(whole, name)));

  it('loads the file of a service when it is first used', async () => {
    const { size } = await stat(outfile);
    expect(size).toBeLessThan(500_000);
    const folder = path.join(path.dirname(outfile), 'services');
    const loaded = () => Object.keys(require.cache).filter((file) => file.startsWith(folder));
    const client = new bundled.Client(options);
    expect(loaded()).toEqual([]);
    expect(client.im).toBeDefined();
    expect(loaded()).toEqual([path.join(folder, 'im.js')]);
  });

  it('creates no service before it is used', () => {
    const client = new bundled.Client(options);
    const created = services.filter((name) => Object.getOwnPropertyDescriptor(client, name)?.get === undefined);
    expect(services.length).toBeGreaterThan(50);
    expect(created).toEqual([]);
  });

  it('has all members of the SDK', () => {
    expect(Object.keys(new bundled.Client(options)).sort()).toEqual(Object.keys(whole).sort());
    const client = new bundled.Client(options);
    for (const name of services) {
      expect(shapeOf(Reflect.get(client, name)), name).toEqual(shapeOf(Reflect.get(whole, name)));
    }
  });

  it('keeps a service that was created, and one that was assigned', () => {
    const client = new bundled.Client(options);
    expect(client.im).toBe(client.im);
    const im = { ...client.im };
    client.im = im;
    expect(client.im).toBe(im);
    const other = new bundled.Client(options);
    other.im = im;
    expect(other.im).toBe(im);
    expect(new bundled.Client(options).im).not.toBe(im);
  });

  it('sends the same requests with every method', async () => {
    const expected = await requestsOf(sdk);
    expect(expected.length).toBeGreaterThan(3000);
    expect(expected.filter(({ error }) => /is not defined/.test(`${error}`))).toEqual([]);
    expect(await requestsOf(bundled)).toEqual(expected);
  });

  /** Calls every method of every service, and reads the first page of lists. */
  async function requestsOf({ Client }: Pick<typeof sdk, 'Client'>) {
    const requests: Record<string, unknown>[] = [];
    const request = async ({ headers, paramsSerializer, ...sent }: SentRequest) => {
      // The bundled SDK does not find its version.
      const { 'User-Agent': _, ...others } = headers;
      requests.push({ ...sent, headers: others, query: paramsSerializer?.({ list: ['one', 'two'] }) });
      return { code: 0, data: { items: [] } };
    };
    const post = async () => ({ tenant_access_token: 't', expire: 7200, code: 0 });
    const client = new Client({ ...options, httpInstance: { request, post } as never });
    const callAll = async (member: unknown): Promise<void> => {
      if (typeof member !== 'function') {
        for (const one of Object.values(member as object)) await callAll(one);
        return;
      }
      const result = await member({
        path: new Proxy({}, { get: () => 'x' }),
        params: { page: 1 },
        data: { a: 1 },
      }).catch(({ message }: Error) => requests.push({ error: message }));
      if (typeof result === 'object' && Symbol.asyncIterator in result) await result[Symbol.asyncIterator]().next();
    };
    for (const name of services) await callAll(Reflect.get(client, name));
    return requests;
  }

  it('sends a call through its own HTTP client', async () => {
    const urls: unknown[] = [];
    const httpInstance = {
      request: async ({ url }: { url: string }) => {
        urls.push(url);
        return { code: 0 };
      },
      post: async () => ({ tenant_access_token: 't', expire: 7200, code: 0 }),
    };
    const client = new bundled.Client({ ...options, httpInstance: httpInstance as never });
    await client.im.message.reply({ path: { message_id: 'om_1' }, data: { msg_type: 'text', content: '{}' } });
    expect(urls).toEqual(['https://open.feishu.cn/open-apis/im/v1/messages/om_1/reply']);
  });
});

interface SentRequest {
  headers: Record<string, string>;
  paramsSerializer?: (params: object) => string;
}

/** Returns whether a member of the client is a service: a plain object that is not empty. */
function isService(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.keys(value).length > 0
  );
}

/** Returns the names of all functions, nested like the service. */
function shapeOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shapeOf(member)]));
}
