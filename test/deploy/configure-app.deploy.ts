import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MockAppConfiguration } from '../mock-platform/app-configuration.ts';
import { ConnectProxy } from '../support/connect-proxy.ts';
import { type Ministack, startMinistack } from './support/ministack.ts';
import { createProject, type Project } from './support/project.ts';

// Deploys the template for an app from `npm run setup`: no step in the developer console is left. A proxy leads the
// platform's address to the mock platform.

const VERIFICATION = { type: 'url_verification', challenge: 'challenge' };

let ministack: Ministack;
let platform: MockAppConfiguration;
let proxy: ConnectProxy;
let project: Project;
let url: string;
let allOutput = '';
beforeAll(async () => {
  [ministack, platform, proxy] = await Promise.all([
    startMinistack(),
    MockAppConfiguration.start(),
    ConnectProxy.start(['open.feishu.cn']),
  ]);
  proxy.targetPort = Number(new URL(platform.origin).port);
  platform.app = {
    event: { subscription_type: 'websocket', subscribed_events: [] },
    callback: { callback_type: 'websocket', subscribed_callbacks: [] },
    online_version_id: 'oav_1',
  };
  platform.verifiesUrls = true;
  project = await createProject({ ...ministack.environment, HTTPS_PROXY: `http://${proxy.host}` });
});
afterAll(async () => {
  await Promise.all([
    ministack.stop(),
    platform[Symbol.asyncDispose](),
    proxy[Symbol.asyncDispose](),
    project.remove(),
  ]);
});

async function succeed(...args: string[]): Promise<string> {
  const { code, output } = await project.serverless(...args);
  allOutput += output;
  expect(code, output).toBe(0);
  return output;
}

const accepts = (keys = platform.keys) => platform.send(url, VERIFICATION, { isSigned: false, keys });

test('a deployment generates the keys, and configures the app after the functions exist', async () => {
  // This process trusts the proxy's certificate, among others.
  const certificates = path.join(project.folder, 'proxy.pem');
  await writeFile(certificates, tls.getCACertificates('default').join('\n'));
  project.environment.NODE_EXTRA_CA_CERTS = certificates;
  await project.writeEnvironment({
    FEISHU_APP_ID: platform.appId,
    FEISHU_APP_SECRET: platform.appSecret,
    FEISHU_ENCRYPT_KEY: 'local-0123456789abcdef0123456789abcdef',
    FEISHU_VERIFICATION_TOKEN: 'local-0123456789abcdef0123456789abcdef',
  });
  const output = await succeed('deploy', '--param', 'configureApp=true', '--param', 'workerConcurrency=2');
  url = /endpoint: POST - (\S+)/.exec(output)?.[1] as string;
  expect(output).toContain('✓ event im.message.receive_v1');
  expect(output).toContain('✓ Published a version');
  expect(platform.app).toMatchObject({
    event: { subscription_type: 'webhook', request_url: url, subscribed_events: ['im.message.receive_v1'] },
    callback: { callback_type: 'webhook', request_url: url, subscribed_callbacks: ['card.action.trigger'] },
  });
  expect(await accepts()).toBe(200);
});

test('the keys are rotated without another deployment', async () => {
  const previous = platform.keys;
  const output = await succeed('app', 'apply', '--rotate-keys', '--yes');
  expect(output).toContain('✓ Published a version');
  expect(platform.keys).not.toEqual(previous);
  for (const keys of [previous, platform.keys]) expect(await accepts(keys)).toBe(200);
  expect(await succeed('app', 'check')).not.toContain('✗');
});

test('a deployment after a rotation keeps the keys, and reports what the platform rejects', async () => {
  const { keys } = platform;
  platform.refusals.set('config', 210042);
  platform.app = { ...(platform.app as object), event: { subscription_type: 'websocket', subscribed_events: [] } };
  const { code, output } = await project.serverless('deploy', '--param', 'workerConcurrency=3');
  allOutput += output;
  expect(code).toBe(1);
  expect(output).toContain('The stack is deployed, but its app is not configured.');
  expect(output).toContain('(210042)');
  expect(output).toContain('Then run: npx serverless app apply --stage dev');
  expect(await accepts(keys)).toBe(200);
  const secrets = [platform.appSecret, ...Object.values(keys)];
  for (const secret of secrets) expect(allOutput).not.toContain(secret);
});
