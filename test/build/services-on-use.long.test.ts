import { mkdtemp, rm } from 'node:fs/promises';
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
  let bundled: typeof sdk;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-sdk-'));
    const { outfile, ...options } = platformSdkBundle(PROJECT_ROOT, folder, { isWhole: false });
    await build({ ...options, outfile });
    bundled = createRequire(import.meta.url)(outfile);
  });

  afterAll(() => rm(folder, { recursive: true }));

  const options = { appId: 'cli_1', appSecret: 'secret', loggerLevel: sdk.LoggerLevel.fatal };
  const whole = new sdk.Client(options);
  const services = Object.keys(whole).filter((name) => isService(Reflect.get(whole, name)));

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
