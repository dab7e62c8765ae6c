import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connectionBundle, lambdaBundle } from '../../lib/build/bundle.ts';
import { createFunctionEnvironment } from '../../lib/cli/environment.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { MockPlatform } from '../mock-platform/platform.ts';
import { createProject, PROJECT_ROOT, type TemporaryProject } from '../support/project.ts';
import { type Running, run, start } from '../support/run.ts';

// The AWS settings of a developer's machine, each of which leads an AWS SDK away from the emulators or makes it fail.

const AWS_SETTINGS = {
  AWS_PROFILE: 'does-not-exist',
  AWS_CONFIG_FILE: '/does-not-exist/config',
  AWS_SHARED_CREDENTIALS_FILE: '/does-not-exist/credentials',
  AWS_SDK_LOAD_CONFIG: '1',
  AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'secret-of-the-developer',
  AWS_SESSION_TOKEN: 'session-of-the-developer',
  AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/developer',
  AWS_WEB_IDENTITY_TOKEN_FILE: '/does-not-exist/token',
  AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:9/credentials',
  AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
  AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true',
  AWS_USE_FIPS_ENDPOINT: 'true',
  AWS_USE_DUALSTACK_ENDPOINT: 'true',
  AWS_MAX_ATTEMPTS: 'many',
  AWS_RETRY_MODE: 'unknown',
  AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9',
};

const READY = /feishu-events is ready: POST (http:\/\/127\.0\.0\.1:\d+\/feishu\/events)/;
const wait = { timeout: 60_000, interval: 50 };
describe('With the AWS settings of a machine in its environment', () => {
  const secrets = { FEISHU_ENCRYPT_KEY: 'a key', FEISHU_VERIFICATION_TOKEN: 'a token' };
  const app = { FEISHU_APP_ID: 'cli_0123456789abcdef', FEISHU_APP_SECRET: 'secret-of-the-app' };
  let project: TemporaryProject;
  let platform: MockPlatform;
  let running: Running;
  beforeAll(async () => {
    project = await createProject();
    platform = await MockPlatform.start();
    await writeFile(path.join(project.root, '.env'), 'OPENAI_API_KEY=from-the-file\nAWS_S3_BUCKET=from-the-file\n');
    await project.writeHandler(
      'v1/message.ts',
      `import { onEventV1 } from '#feishu-events';
      export default onEventV1('message', (_, { log }) => {
        const names = Object.keys(process.env).filter((name) => /^(AWS_|OPENAI_)/.test(name));
        log.info('Environment ' + names.sort().map((name) => name + '=' + process.env[name]).join(' '));
      });`,
    );
    const environment = { ...AWS_SETTINGS, ...secrets, ...app, FEISHU_DOMAIN: platform.domain, PORT: '0' };
    running = start(project.root, 'lib/local/start.ts', ['--long-connection'], environment);
    await vi.waitFor(() => expect(running.output()).toMatch(READY), wait);
    await vi.waitFor(() => expect(running.output()).toContain('Connected to ws://127.0.0.1'), wait);
  });
  afterAll(async () => {
    await running[Symbol.asyncDispose]();
    await platform.stop();
    await project[Symbol.asyncDispose]();
  });

  it('npm start -- --long-connection acknowledges and handles an event', async () => {
    const text = createSample('out_approval', { version: '1.0', token: secrets.FEISHU_VERIFICATION_TOKEN });
    const delivery = platform.push({ id: 'e1', text });
    await delivery.settled;
    expect(delivery.state).toBe('acknowledged');
    await vi.waitFor(() => expect(running.output()).toMatch(/handled .*event_type=out_approval/), wait);
  });

  it('npm start accepts what npm run send sends, and its handlers see their own variables', async () => {
    const url = READY.exec(running.output())?.[1] as string;
    const environment = { ...AWS_SETTINGS, ...secrets };
    const sent = await run(project.root, 'lib/tools/send.ts', ['message', '--url', url], environment);
    expect(sent).toMatchObject({ code: 0, output: expect.stringMatching(/^200 /) });
    await vi.waitFor(() => expect(running.output()).toMatch(/handled .*event_type=message/), wait);
    const [, seen = ''] = /Environment (.*)/.exec(running.output()) ?? [];
    expect(seen).toContain('OPENAI_API_KEY=from-the-file');
    expect(seen).toContain('AWS_S3_BUCKET=from-the-file');
    expect(seen).toContain('AWS_ACCESS_KEY_ID=local');
    for (const value of Object.values(AWS_SETTINGS).filter((text) => text.length > 5))
      expect(seen).not.toContain(value);
  });

  it('npm run demo passes', async () => {
    const { code, output } = await run(PROJECT_ROOT, 'lib/tools/demo.ts', [], AWS_SETTINGS);
    expect(output).not.toContain('✗');
    expect(code).toBe(0);
  });
});

describe('The environment of the functions', () => {
  it('has none of the AWS settings that their bundles read', async () => {
    const bundles = [connectionBundle(PROJECT_ROOT, '/'), lambdaBundle(PROJECT_ROOT, '/')];
    const built = await Promise.all(bundles.map((bundle) => build({ ...bundle, sourcemap: false, write: false })));
    const code = built.flatMap(({ outputFiles }) => outputFiles.map(({ text }) => text)).join('\n');
    const names = new Set(code.match(/\bAWS_[A-Z\d_]+/g));
    expect(names).toContain('AWS_PROFILE');
    const user = Object.fromEntries([...names].map((name) => [name, 'of the machine']));
    expect(createFunctionEnvironment(user, {})).toEqual({});
  });

  it("has the user's variables, and the emulators' settings", () => {
    const user = { OPENAI_API_KEY: 'a', AWS_S3_BUCKET: 'b', AWS_REGION: 'eu-west-1', PATH: '/bin' };
    expect(createFunctionEnvironment(user, { AWS_REGION: 'us-east-1' })).toEqual({
      OPENAI_API_KEY: 'a',
      AWS_S3_BUCKET: 'b',
      AWS_REGION: 'us-east-1',
      PATH: '/bin',
    });
  });
});
