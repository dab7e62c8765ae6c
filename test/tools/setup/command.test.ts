import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MockAppConfiguration } from '../../mock-platform/app-configuration.ts';
import { createProject, type TemporaryProject } from '../../support/project.ts';
import { run } from '../../support/run.ts';

describe('The command npm run setup', () => {
  let project: TemporaryProject;
  beforeAll(async () => {
    project = await createProject();
  });
  afterAll(() => project[Symbol.asyncDispose]());
  const setup = (args: string[], environment: NodeJS.ProcessEnv = {}) =>
    run(project.root, 'lib/tools/setup.ts', args, environment);

  it('rejects credentials in the environment, which would take precedence over .env', async () => {
    expect(await setup([], { FEISHU_APP_ID: 'cli_1' })).toEqual({
      code: 2,
      output: 'FEISHU_APP_ID is set in the environment, which takes precedence over .env. Unset it first.\n',
    });
  });

  it('rejects an --app that is not an App ID', async () => {
    expect(await setup(['--app', 'echo'])).toEqual({
      code: 2,
      output: '--app must be an App ID such as cli_a1b2c3, not "echo".\n',
    });
  });

  it('names the proxy if the platform cannot be reached', async () => {
    const { code, output } = await setup([], { HTTPS_PROXY: 'http://127.0.0.1:1', https_proxy: '' });
    expect(output).toMatch(
      /^No response from https:\/\/accounts\.feishu\.cn \(ECONNREFUSED, through the proxy 127\.0\.0\.1:1/,
    );
    expect(code).toBe(2);
  });

  it('prints the steps in the console with the names of this project', async () => {
    const { code, output } = await setup(['--manual']);
    expect(output).toContain('[ ] 1. Create a custom app at https://open.feishu.cn/app\n');
    expect(output).toContain(
      '{"scopes":{"tenant":["application:application:self_manage","im:message.group_at_msg:readonly","im:message.p2p_msg:readonly","im:message:send_as_bot"],"user":[]}}',
    );
    expect(output).toContain('Events: im.message.receive_v1, message, out_approval\n');
    expect(output).toContain('Callbacks: card.action.trigger\n');
    expect(code).toBe(1);
  });

  it('checks off the steps that are done, without showing the secret', async () => {
    await using configuration = await MockAppConfiguration.start();
    const { appId, appSecret, domain } = configuration.credentials;
    configuration.granted = ['im:message.group_msg', 'im:message.p2p_msg:readonly'];
    configuration.app = { event: { subscribed_events: ['im.message.receive_v1'] }, online_version_id: 'oav_1' };
    const env = `FEISHU_APP_ID=${appId}\nFEISHU_APP_SECRET=${appSecret}\nFEISHU_DOMAIN=${domain}\n`;
    await writeFile(path.join(project.root, '.env'), env);
    const { code, output } = await setup(['--manual']);
    expect(output.match(/^\[.\] \d/gm)).toEqual(['[✓] 1', '[✓] 2', '[✗] 3', '[✓] 4', '[ ] 5', '[✓] 6']);
    expect(output).toContain('→ Scopes not granted: im:message:send_as_bot\n');
    expect(output).not.toContain(appSecret);
    expect(code).toBe(1);
  });
});
