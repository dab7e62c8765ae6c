import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { MockAppConfiguration } from '../mock-platform/app-configuration.ts';
import { createProject, type TemporaryProject } from '../support/project.ts';
import { run, start } from '../support/run.ts';
import { wait } from '../support/wait.ts';

/** Has the program believe that its pipes are a terminal. */
const AS_TERMINAL =
  '--import "data:text/javascript,process.stdin.isTTY=process.stdout.isTTY=true;process.stdout.columns=120"';

describe('npm run app', () => {
  let project: TemporaryProject;
  let mock: MockAppConfiguration;
  beforeAll(async () => {
    [project, mock] = await Promise.all([createProject(), MockAppConfiguration.start()]);
    mock.app = { event: {}, callback: {}, encryption: {}, online_version_id: 'oav_1' };
    const { appId, appSecret, domain } = mock.credentials;
    const credentials = `FEISHU_APP_ID=${appId}\nFEISHU_APP_SECRET=${appSecret}\nFEISHU_DOMAIN=${domain}\n`;
    const secrets = 'FEISHU_ENCRYPT_KEY=key-of-the-app\nFEISHU_VERIFICATION_TOKEN=token-of-the-app\n';
    await writeFile(path.join(project.root, '.env'), credentials + secrets);
  });
  afterAll(async () => {
    await Promise.all([mock[Symbol.asyncDispose](), project[Symbol.asyncDispose]()]);
  });
  const app = (...args: string[]) => run(project.root, 'lib/tools/app.ts', args);

  it('is cancelled by Ctrl+C at the question, and changes nothing', async () => {
    const unchanged = structuredClone(mock.app);
    const environment = { NODE_OPTIONS: AS_TERMINAL };
    await using running = start(project.root, 'lib/tools/app.ts', ['apply', '--all'], environment);
    await vi.waitFor(() => expect(running.output()).toContain('Apply these changes? [y/N]'), wait);
    const controlC = '\u0003';
    running.process.stdin?.write(controlC);
    const { code, output } = await running.ended;
    expect(output).toMatch(/\nCancelled\. Nothing was changed\.\n$/);
    expect(code).toBe(130);
    expect(mock.app).toEqual(unchanged);
  });

  it('plans, applies after a confirmation, and then has nothing to do', async () => {
    const plan = await app('plan', '--all');
    expect(plan.output).toContain('~ events over the long connection\n+ event im.message.receive_v1\n');
    expect(plan.code).toBe(1);
    const unconfirmed = await app('apply', '--all');
    expect(unconfirmed.output).toContain('Not a terminal: pass --yes to confirm.');
    expect(unconfirmed.code).toBe(2);
    expect(mock.app).toMatchObject({ event: {} });
    expect(await app('apply', '--all', '--yes')).toMatchObject({ code: 0 });
    expect(await app('plan')).toMatchObject({ code: 0 });
    const check = await app('check');
    expect(check.output).toContain('✓ Events go over the long connection\n');
    expect(check).toMatchObject({ code: 0 });
  });

  it('configures a webhook, and shows no secret', async () => {
    const { code, output } = await app('apply', '--url', 'https://example.com/feishu/events', '--yes');
    expect(mock.app).toMatchObject({
      event: { subscription_type: 'webhook', request_url: 'https://example.com/feishu/events' },
      encryption: { encryption_key: 'key-of-the-app', verification_token: 'token-of-the-app' },
    });
    for (const secret of [mock.appSecret, 'key-of-the-app', 'token-of-the-app']) expect(output).not.toContain(secret);
    expect(code).toBe(0);
  });

  it.each([
    [['deploy'], 'Pass check, plan or apply.'],
    [['plan', '--url', 'http://example.com'], '--url must start with https://'],
  ])('rejects %s', async (args, message) => {
    const { code, output } = await app(...args);
    expect(output).toContain(message);
    expect(code).toBe(2);
  });
});
