import { execFileSync } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { artifactFiles, webhookBundle, workerBundle } from '../../lib/build/bundle.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { toHttpEvent } from '../support/http-events.ts';
import { PROJECT_ROOT } from '../support/project.ts';
import { encryptKey } from '../support/secrets.ts';

/** Without the module for events that are set aside. */
const MAXIMUM_WEBHOOK_BYTES = 190_000;

describe("the functions' bundles", () => {
  let outdir: string;
  let metafiles: Metafile[];
  const bundle = (name: string) => {
    const [, output] =
      metafiles
        .flatMap(({ outputs }) => Object.entries(outputs))
        .find(([file]) => path.basename(file) === `${name}.mjs`) ?? [];
    if (output === undefined) throw new Error(`There is no bundle ${name}`);
    return { bytes: output.bytes, sources: Object.keys(output.inputs) };
  };

  beforeAll(async () => {
    outdir = await mkdtemp(path.join(tmpdir(), 'feishu-events-bundle-'));
    const builds = [webhookBundle, workerBundle].map((bundle) => build(bundle(PROJECT_ROOT, outdir)));
    metafiles = (await Promise.all(builds)).map(({ metafile }) => metafile);
  });
  afterAll(() => rm(outdir, { recursive: true }));

  test('keep the webhook small', () => {
    expect(bundle('webhook').bytes).toBeLessThanOrEqual(MAXIMUM_WEBHOOK_BYTES);
  });

  test('leave the API client and the SDK out of the webhook, because callback handlers have none by default', () => {
    const [webhook] = metafiles;
    expect(Object.keys(webhook?.inputs ?? {}).filter((source) => /api-client|larksuiteoapi/.test(source))).toEqual([]);
    expect(artifactFiles('webhook', webhook as Metafile)).toEqual([
      'webhook.mjs',
      'webhook.mjs.map',
      'set-aside.mjs',
      'set-aside.mjs.map',
    ]);
  });

  test('tell the webhook the names of callback modules only', async () => {
    const [webhook, worker] = await Promise.all(
      ['webhook', 'worker'].map((name) => readFile(path.join(outdir, `${name}.mjs`), 'utf8')),
    );
    expect(worker).toContain('"v2/im.message.receive_v1"');
    expect(webhook).not.toContain('v2/im.message.receive_v1');
    expect(webhook).toContain('["card.action.trigger"]');
  });

  test("give the webhook only its own code and the AWS SDK's", () => {
    const packages = bundle('webhook').sources.flatMap((source) => /node_modules\/(@?[^/]+)/.exec(source)?.[1] ?? []);
    expect(new Set(packages)).toEqual(new Set(['@aws', '@aws-sdk', '@smithy']));
  });

  test('leave out code that Lambda does not need', () => {
    const replacements = [
      'credentials',
      'shared-config',
      'event-streams',
      'sha256',
      'body-length',
      'uuid',
      'json-codec',
    ].map((name) => `lib/build/lambda-${name}.ts`);
    const inputs = metafiles.flatMap((metafile) => Object.keys(metafile.inputs));
    expect(inputs).toEqual(expect.arrayContaining(replacements));
    const bundled = metafiles
      .flatMap(({ outputs }) => Object.values(outputs))
      .flatMap((output) => Object.keys(output.inputs));
    const unwanted = /shared-ini-file-loader\/readFile|EventStreamSerde|credential-provider-(?!env)/;
    expect(bundled.filter((source) => unwanted.test(source))).toEqual([]);
    const webhook = readFileSync(path.join(outdir, 'webhook.mjs'), 'utf8');
    expect(webhook).not.toContain('tsconfig.es.json');
  });

  test("load only Node's modules that the webhook's first event needs", () => {
    const code = 'await import(process.argv[1]); console.log(process.moduleLoadList.join()); process.exit();';
    // Nothing listens there.
    const queue = 'http://127.0.0.1:1';
    const env = { FEISHU_ENCRYPT_KEY: encryptKey, QUEUE_URL: `${queue}/1/events`, AWS_ENDPOINT_URL_SQS: queue };
    const credentials = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
    const { href } = pathToFileURL(path.join(outdir, 'webhook.mjs'));
    const options = { encoding: 'utf8', env: { ...env, ...credentials } } as const;
    const loaded = execFileSync(process.execPath, ['--input-type=module', '-e', code, href], options);
    expect(loaded).toContain('NativeModule https');
    expect(loaded).not.toMatch(
      /internal\/(fs\/(promises|streams)|crypto\/webcrypto|readline)|undici|http2|NativeModule zlib/,
    );
  });

  test("sign a message with the role's session credentials for the function's region, and pass the trace on", async () => {
    const traceId = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1';
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'webhook');
    vi.stubEnv('_X_AMZN_TRACE_ID', traceId);
    const secret = 'the secret of a session';
    vi.stubEnv('AWS_REGION', 'ap-southeast-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'ASIAEXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', secret);
    vi.stubEnv('AWS_SESSION_TOKEN', 'the token of a session');
    const received = Promise.withResolvers<{ request: IncomingMessage; body: string }>();
    const server = createServer(async (request, response) => {
      const body = Buffer.concat(await request.toArray()).toString();
      received.resolve({ request, body });
      const MD5OfMessageBody = createHash('md5').update(JSON.parse(body).MessageBody).digest('hex');
      response.end(JSON.stringify({ MessageId: '1', MD5OfMessageBody }));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    vi.stubEnv('AWS_ENDPOINT_URL_SQS', origin);
    vi.stubEnv('QUEUE_URL', `${origin}/1/events`);
    vi.stubEnv('FEISHU_ENCRYPT_KEY', encryptKey);
    try {
      const { handler } = await import(pathToFileURL(path.join(outdir, 'webhook.mjs')).href);
      const sample = createSample('im.message.receive_v1', { version: '2.0', token: '' });
      const text = sample.replace('{', '{"note":"你好 🎉 \u2028 \\u0001 \\ud800",');
      const response = await handler(toHttpEvent(writeRequest(text, { encryptKey }, Date.now())));
      expect(response).toMatchObject({ statusCode: 200 });
      const { request, body } = await received.promise;
      expect(JSON.parse(body).MessageBody).toBe(text);
      // SQS stores it with the message, and Lambda links the worker's trace to it.
      expect(request.headers['x-amzn-trace-id']).toBe(traceId);
      expect(request.headers['x-amz-security-token']).toBe('the token of a session');
      const { authorization = '' } = request.headers;
      expect(authorization).toMatch(
        /^AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE\/\d{8}\/ap-southeast-1\/sqs\/aws4_request, /,
      );
      expect(authorization).toMatch(new RegExp(`Signature=${signatureOf(request, body, secret)}$`));
    } finally {
      vi.unstubAllEnvs();
      server.closeAllConnections();
      server.close();
    }
  });
});

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
function signatureOf({ headers, method, url }: IncomingMessage, body: string, secret: string): string {
  const [, scope = '', names = ''] =
    /Credential=[^/]+\/([^,]+), SignedHeaders=([^,]+)/.exec(headers.authorization ?? '') ?? [];
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const lines = names.split(';').map((name) => `${name}:${headers[name]}\n`);
  const canonical = `${method}\n${url}\n\n${lines.join('')}\n${names}\n${sha256(body)}`;
  const key = scope
    .split('/')
    .reduce<Buffer | string>((key, part) => createHmac('sha256', key).update(part).digest(), `AWS4${secret}`);
  const text = `AWS4-HMAC-SHA256\n${headers['x-amz-date']}\n${scope}\n${sha256(canonical)}`;
  return createHmac('sha256', key).update(text).digest('hex');
}
