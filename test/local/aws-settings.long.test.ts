import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createFunctionEnvironment } from '../../lib/cli/environment.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { MockPlatform } from '../mock-platform/platform.ts';
import { DEVELOPER_AWS_SETTINGS } from '../support/developer-aws-settings.ts';
import { npmStart } from '../support/npm-start.ts';
import { createProject, type TemporaryProject } from '../support/project.ts';
import { type Running, run } from '../support/run.ts';
import { wait } from '../support/wait.ts';

describe("With a machine's AWS settings in the environment,", () => {
  const secrets = { FEISHU_ENCRYPT_KEY: 'a key', FEISHU_VERIFICATION_TOKEN: 'a token' };
  const app = { FEISHU_APP_ID: 'cli_0123456789abcdef', FEISHU_APP_SECRET: 'secret-of-the-app' };
  let project: TemporaryProject;
  let platform: MockPlatform;
  let running: Running;
  let url: string;
  beforeAll(async () => {
    project = await createProject();
    platform = await MockPlatform.start();
    await writeFile(path.join(project.root, '.env'), 'OPENAI_API_KEY=from-the-file\nAWS_S3_BUCKET=from-the-file\n');
    await project.writeHandler(
      'v1/message.ts',
      `import { onEventV1 } from '#feishu-events';
      export default onEventV1('message', (_, { log }) => {
        const names = Object.keys(process.env).filter((name) => /^(AWS_|OPENAI_)/.test(name));
        log.info('Environment ' + names.sort().map((name) => name + '=' + process.env[name]).join(' ') + ' end');
      });`,
    );
    const environment = { ...DEVELOPER_AWS_SETTINGS, ...secrets, ...app, FEISHU_DOMAIN: platform.domain };
    ({ running, webhookUrl: url } = await npmStart(project.root, environment, ['--long-connection']));
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

  it('npm start accepts an event from npm run send, and handlers see their own variables', async () => {
    const environment = { ...DEVELOPER_AWS_SETTINGS, ...secrets };
    const sent = await run(project.root, 'lib/tools/send.ts', ['message', '--url', url], environment);
    expect(sent).toMatchObject({ code: 0, output: expect.stringMatching(/^200 /) });
    await vi.waitFor(() => expect(running.output()).toMatch(/handled .*event_type=message/), wait);
    const [, seen = ''] = /Environment (.*) end/.exec(running.output()) ?? [];
    const { AWS_LAMBDA_RUNTIME_API: _, ...visible } = DEVELOPER_AWS_SETTINGS;
    const expected = { ...visible, AWS_S3_BUCKET: 'from-the-file', OPENAI_API_KEY: 'from-the-file' };
    const lines = Object.entries(expected).map(([name, value]) => `${name}=${value}`);
    // Powertools adds its name to the user agent of AWS clients with this variable.
    const own = seen.split(' ').filter((line) => !line.startsWith('AWS_SDK_UA_APP_ID='));
    expect(own).toEqual(lines.sort());
  });
});

describe('The environment of the functions', () => {
  it("contains the user's AWS settings, but none of Lambda's variables", () => {
    const user = { AWS_REGION: 'eu-west-1', AWS_PROFILE: 'work', AWS_S3_BUCKET: 'b', PATH: '/bin' };
    expect(createFunctionEnvironment({ ...user, AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9' })).toEqual(user);
  });
});
