import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOperatorHooks, OPERATOR_COMMANDS } from '../../lib/deploy/commands.ts';
import { configureApp, configureDeployedApp } from '../../lib/deploy/configure-app.ts';
import type { Serverless } from '../../lib/deploy/serverless.ts';
import { MemoryKeys } from '../app/memory-keys.ts';
import { MockAppConfiguration } from '../mock-platform/app-configuration.ts';
import { createDeployedStack } from '../support/deployed-stack.ts';
import { createProject, type TemporaryProject } from '../support/project.ts';

const OUTPUTS: Record<string, string> = { HttpApiUrl: 'https://api.example.com/' };
const SECRETS = { FEISHU_ENCRYPT_KEY: 'new-key,old-key', FEISHU_VERIFICATION_TOKEN: 'token-of-the-stage' };

describe('npx serverless app', () => {
  let project: TemporaryProject;
  let mock: MockAppConfiguration;
  beforeAll(async () => {
    project = await createProject();
    await mkdir(path.join(project.root, '.local'), { recursive: true });
  });
  afterAll(() => project[Symbol.asyncDispose]());
  beforeEach(async () => {
    mock = await MockAppConfiguration.start();
    mock.app = { event: {}, callback: {}, encryption: {}, online_version_id: 'oav_1' };
  });
  afterEach(() => mock[Symbol.asyncDispose]());

  const stageApp = () => {
    const { appId, appSecret, domain } = mock.credentials;
    return {
      stack: { ...createDeployedStack({}), output: (key: string) => OUTPUTS[key] },
      stage: 'prod',
      root: project.root,
      secrets: { ...SECRETS, FEISHU_APP_ID: appId, FEISHU_APP_SECRET: appSecret },
      keyStore: new MemoryKeys(SECRETS),
      domain,
    };
  };

  async function run(command: 'check' | 'plan' | 'apply', stage: Partial<Parameters<typeof configureApp>[1]> = {}) {
    const printed: string[] = [];
    const isAsWanted = await configureApp(command, {
      ...stageApp(),
      renewsKeys: false,
      prunes: false,
      sendsUnknown: true,
      isConfirmed: true,
      input: new PassThrough() as unknown as NodeJS.ReadStream,
      print: (line) => printed.push(line),
      ...stage,
    });
    return { isAsWanted, printed };
  }

  it("apply points the app to the stage's webhook with the new key, and prints no secret", async () => {
    const { isAsWanted, printed } = await run('apply');
    expect(isAsWanted).toBe(true);
    expect(mock.app).toMatchObject({
      event: {
        subscription_type: 'webhook',
        request_url: 'https://api.example.com/feishu/events',
        subscribed_events: ['im.message.receive_v1'],
      },
      callback: { callback_type: 'webhook', subscribed_callbacks: ['card.action.trigger'] },
      encryption: { encryption_key: 'new-key', verification_token: 'token-of-the-stage' },
    });
    for (const secret of [mock.appSecret, 'new-key', 'old-key', 'token-of-the-stage']) {
      expect(printed.join()).not.toContain(secret);
    }
    expect(await run('plan')).toMatchObject({ isAsWanted: true });
    expect(await run('check')).toMatchObject({ isAsWanted: true });
  });

  it('apply uses the long connection of a stack that has one', async () => {
    const stack = { ...createDeployedStack({ ConnectionService: 'service' }), output: (key: string) => OUTPUTS[key] };
    await run('apply', { stack });
    expect(mock.app).toMatchObject({ event: { subscription_type: 'websocket' }, encryption: {} });
  });

  it('configures the app of each stage, with its own URL and keys', async () => {
    await using other = await MockAppConfiguration.start();
    other.app = { event: {}, callback: {}, encryption: {}, online_version_id: 'oav_1' };
    const { appId, appSecret, domain } = other.credentials;
    const secrets = { FEISHU_ENCRYPT_KEY: 'other-key', FEISHU_VERIFICATION_TOKEN: 'other-token' };
    await run('apply');
    await run('apply', {
      stack: {
        ...createDeployedStack({}),
        output: (key: string) => (key === 'HttpApiUrl' ? 'https://other.example.com/' : undefined),
      },
      secrets: { ...secrets, FEISHU_APP_ID: appId, FEISHU_APP_SECRET: appSecret },
      keyStore: new MemoryKeys(secrets),
      domain,
    });
    expect(mock.app).toMatchObject({
      event: { request_url: 'https://api.example.com/feishu/events' },
      encryption: { encryption_key: 'new-key' },
    });
    expect(other.app).toMatchObject({
      event: { request_url: 'https://other.example.com/feishu/events' },
      encryption: { encryption_key: 'other-key' },
    });
    expect(await run('plan')).toMatchObject({ isAsWanted: true });
  });

  it('plan changes nothing', async () => {
    const { isAsWanted, printed } = await run('plan');
    expect(isAsWanted).toBe(false);
    expect(printed).toContain('+ event im.message.receive_v1');
    expect(mock.app).toMatchObject({ event: {} });
  });

  it.each([
    ['without the credentials', { secrets: SECRETS }, 'npx serverless secrets'],
    [
      'of a store app',
      { stack: { ...createDeployedStack({}), output: () => '{"appType":"store"}' } },
      'only in the developer console',
    ],
    [
      'with a long connection that should rotate its keys',
      { renewsKeys: true, stack: createDeployedStack({ ConnectionService: 'service' }) },
      '--rotate-keys has no effect: the app uses the long connection',
    ],
    ['without a terminal to ask at', { isConfirmed: false }, 'pass --yes'],
  ])('rejects a stage %s', async (_, stage, message) => {
    await expect(run('apply', stage)).rejects.toThrow(message);
  });

  it("reports the platform's words as an error without a stack trace", async () => {
    mock.refusals.set('config', 210043);
    await expect(run('apply')).rejects.toMatchObject({
      name: 'ServerlessError',
      message: expect.stringContaining('The app was not created in the developer console.'),
    });
  });

  it('has a hook for each of its commands', () => {
    const hooks = Object.keys(createOperatorHooks({ getProvider: () => ({}) } as unknown as Serverless, {}));
    for (const name of Object.keys(OPERATOR_COMMANDS.app.commands)) expect(hooks).toContain(`app:${name}:${name}`);
  });

  it('configures the app after a deployment, and does not fail because of a review', async () => {
    mock.app = {
      event: { subscription_type: 'websocket', subscribed_events: [] },
      callback: { callback_type: 'websocket', subscribed_callbacks: [] },
      online_version_id: 'oav_1',
    };
    mock.hasReview = true;
    const printed: string[] = [];
    await configureDeployedApp({ ...stageApp(), print: (line) => printed.push(line) });
    expect(mock.app).toMatchObject({ event: { request_url: 'https://api.example.com/feishu/events' } });
    expect(printed.at(-1)).toContain('waits for an administrator');
  });

  it('says what to do if the app cannot be configured after a deployment', async () => {
    mock.refusals.set('config', 210042);
    await expect(configureDeployedApp({ ...stageApp(), print() {} })).rejects.toThrow(
      /^The stack is deployed, but its app is not configured\. .*\(210042\).* Then run: npx serverless app apply --stage prod$/,
    );
  });
});
