import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as official from '@larksuiteoapi/node-sdk';
import { build, type Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { SDK_EXPORTS } from '../../lib/api-client/load-sdk.ts';
import { platformSdkBundle } from '../../lib/build/bundle.ts';
import { PLATFORM_SDK } from '../../lib/build/shared-platform-sdk.ts';
import { bundleFunctions } from '../../lib/deploy/bundle-functions.ts';
import { startHttpServer } from '../../lib/local/http-server.ts';
import { jsonResponse } from '../../lib/webhook/http.ts';
import { APP_ID, APP_SECRET, startPlatform, until } from '../feishu/long-connection/harness.ts';
import { createProject, PROJECT_ROOT } from '../support/project.ts';

type OfficialSdk = typeof official;

const options = (sdk: Pick<OfficialSdk, 'LoggerLevel'>, domain = 'http://127.0.0.1:1') => ({
  appId: APP_ID,
  appSecret: APP_SECRET,
  domain,
  loggerLevel: sdk.LoggerLevel.error,
});

describe.each([
  { name: 'lean', isWhole: false },
  { name: 'whole', isWhole: true },
])('The $name build of the official SDK', ({ isWhole }) => {
  let folder: string;
  let file: string;
  let metafile: Metafile;
  let sdk: OfficialSdk;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-sdk-'));
    ({ metafile } = await build(platformSdkBundle(PROJECT_ROOT, folder, { isWhole })));
    file = path.join(folder, 'node_modules', PLATFORM_SDK, 'index.js');
    sdk = createRequire(import.meta.url)(file);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('exports everything that can be used', () => {
    const names = isWhole ? Object.keys(official).filter((name) => name !== 'default') : SDK_EXPORTS;
    expect(Object.keys(sdk).toSorted()).toEqual(names.toSorted());
  });

  it('has a client with every API of the official one', () => {
    const expected = pathsOf(new official.Client(options(official)));
    expect(expected.length).toBeGreaterThan(3000);
    expect(pathsOf(new sdk.Client(options(sdk)))).toEqual(expected);
  });

  it('sends the same requests', async () => {
    const picture = path.join(folder, 'picture.png');
    await writeFile(picture, 'a picture');
    const requestsOf = async (one: OfficialSdk) => {
      const requests: unknown[] = [];
      const server = await startHttpServer('127.0.0.1', 0, ({ method, url, headers }, body) => {
        const { 'content-type': type, 'user-agent': _, host: __, 'content-length': ___, ...others } = headers;
        const boundary = /boundary=(.+)/.exec(type ?? '')?.[1] ?? 'no boundary';
        requests.push({
          method,
          url,
          others,
          type: type?.replace(boundary, 'B'),
          body: `${body}`.replaceAll(boundary, 'B').replace(/(?<=app_id":")[^"]+/, ''),
        });
        return jsonResponse(200, { code: 0, tenant_access_token: 't-1', expire: 7200, data: { image_key: 'img' } });
      });
      onTestFinished(() => server.stop());
      // Another app each time, because the SDK keeps its token.
      const client = new one.Client({ ...options(one, server.origin), appId: randomUUID() });
      const data = { receive_id: 'oc_1', msg_type: 'text', content: '{}' };
      await client.im.message.create({ params: { receive_id_type: 'chat_id' }, data });
      await client.im.image.create({ data: { image_type: 'message', image: createReadStream(picture) } });
      const form = new FormData();
      form.set('file', new Blob(['text'], { type: 'text/plain' }), 'note.txt');
      await one.defaultHttpInstance.post(`${server.origin}/form`, form);
      await client.contact.user.list({ params: { page_size: 1 } }, one.withTenantKey('tenant'));
      return requests;
    };
    const requests = await requestsOf(official);
    expect(requests).toHaveLength(5);
    expect(await requestsOf(sdk)).toEqual(requests);
  });

  it('loads neither `fetch` nor HTTP/2 nor terminals', () => {
    const code = 'require(process.argv[1]); console.log(process.moduleLoadList.join())';
    const loaded = execFileSync(process.execPath, ['-e', code, file], { encoding: 'utf8' });
    expect(loaded).toContain('NativeModule https');
    expect(loaded).not.toMatch(/undici|NativeModule http2|NativeModule tty/);
  });

  if (isWhole)
    it('decrypts, dispatches and connects', async () => {
      const { AESCipher, EventDispatcher, WSClient } = sdk;
      expect(Object.keys(new AESCipher('a key'))).toEqual(['key']);
      const platform = await startPlatform();
      const client = new WSClient(options(sdk, platform.domain));
      onTestFinished(() => client.close({ force: true }));
      await client.start({ eventDispatcher: new EventDispatcher({ loggerLevel: sdk.LoggerLevel.error }) });
      await until(() => platform.gateway.connections[0]?.pings.length === 1);
    });

  if (!isWhole)
    it('contains no long connection and no channels', async () => {
      const { inputs = {} } = Object.values(metafile.outputs)[0] ?? {};
      expect(Object.keys(inputs).filter((source) => /node_modules\/(ws|@?protobufjs|long)\//.test(source))).toEqual([]);
      expect(await readFile(file, 'utf8')).not.toContain('Generation interrupted');
    });
});

it.each([
  { name: 'no module imports', imports: '', isWhole: false },
  {
    name: 'only types are imported from',
    imports: "import type { Client } from '@larksuiteoapi/node-sdk';",
    isWhole: false,
  },
  { name: 'a handler imports', imports: "import { AESCipher } from '@larksuiteoapi/node-sdk';", isWhole: true },
])('a deployment contains the whole SDK only if needed: $name it', async ({ imports, isWhole }) => {
  await using project = await createProject();
  const used = isWhole ? 'AESCipher' : 'undefined';
  await project.writeHandler(
    'v2/im.message.receive_v1.ts',
    `import { onEvent } from '#feishu-events';\n${imports}\nexport default onEvent('im.message.receive_v1', (_, { log }) => log.info('used', { used: ${used} }));`,
  );
  const outdir = path.join(project.root, '.build');
  const functions = {
    webhook: { handler: 'functions/webhook.handler' },
    worker: { handler: 'functions/worker.handler' },
  };
  const provider = { runtime: 'nodejs24.x', compiledCloudFormationTemplate: { Resources: {} } };
  await bundleFunctions(project.root, outdir, { service: 'feishu-events', functions, provider });
  const sdk = createRequire(import.meta.url)(path.join(outdir, 'node_modules', PLATFORM_SDK, 'index.js'));
  expect('Client' in sdk).toBe(true);
  expect('AESCipher' in sdk).toBe(isWhole);
});

/** Lists the members of an object, its members' members and so on, as paths. */
function pathsOf(value: unknown, prefix = ''): string[] {
  if (typeof value !== 'object' || value === null || prefix.split('.').length > 8) return [prefix];
  const names = new Set(Object.keys(value));
  for (
    let type = Object.getPrototypeOf(value);
    type !== null && type !== Object.prototype;
    type = Object.getPrototypeOf(type)
  )
    for (const name of Object.getOwnPropertyNames(type)) names.add(name);
  // The caches and the HTTP client are compared by the requests.
  for (const name of ['cache', 'httpInstance', 'logger', 'client', 'tokenManager', 'accessToken', 'userAccessToken'])
    names.delete(name);
  return [...names].toSorted().flatMap((name) => pathsOf(Reflect.get(value, name), `${prefix}.${name}`));
}
