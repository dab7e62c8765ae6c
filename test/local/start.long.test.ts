import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { npmStart } from '../support/npm-start.ts';
import { createProject, type TemporaryProject } from '../support/project.ts';
import { type Running, run } from '../support/run.ts';
import { wait } from '../support/wait.ts';

describe('npm start with secrets in the environment', () => {
  const secrets = { FEISHU_VERIFICATION_TOKEN: 'from-the-environment' };
  let project: TemporaryProject;
  let running: Running;
  let url: string;
  beforeAll(async () => {
    project = await createProject();
    const later = `import { onEventV1 } from '#feishu-events';
      export default onEventV1('leave_approvalV2', (_, { log }) => log.info('LATER is ' + process.env.LATER));`;
    await project.writeHandler('v1/leave_approvalV2.ts', later);
    ({ running, webhookUrl: url } = await npmStart(project.root, secrets));
  });
  afterAll(async () => {
    await running[Symbol.asyncDispose]();
    await project[Symbol.asyncDispose]();
  });

  it('does not start twice in one folder', async () => {
    const { code, output } = await run(project.root, 'lib/local/start.ts', [], { PORT: '0', ...secrets });
    expect(output).toMatch(/^Another npm start of this project is running/m);
    expect(code).toBe(1);
  });

  it('creates no .env, and applies one that is added later', async () => {
    await expect(readFile(path.join(project.root, '.env'))).rejects.toThrow('ENOENT');
    let added = 'LATER=1\n';
    await vi.waitFor(async () => {
      added += '\n';
      await writeFile(path.join(project.root, '.env'), added);
      expect(running.output()).toContain('.env has changed (LATER). The next invocations use the new values.');
    }, wait);
    expect(await run(project.root, 'lib/tools/send.ts', ['leave_approvalV2', '--url', url], secrets)).toMatchObject({
      code: 0,
    });
    await vi.waitFor(() => expect(running.output()).toContain('LATER is 1'), wait);
  });
});

describe('npm start', () => {
  it('rejects an invalid setting, and a malformed .env without showing its text', async () => {
    await using project = await createProject();
    const setting = await run(project.root, 'lib/local/start.ts', [], { LOG_LEVEL: 'loud' });
    expect(setting).toMatchObject({ code: 1, output: expect.stringMatching(/^LOG_LEVEL must be .* not "loud"\./m) });
    await writeFile(path.join(project.root, '.env'), 'PORT=0\nprivate text\n');
    const malformed = await run(project.root, 'lib/local/start.ts');
    expect(malformed).toMatchObject({ code: 1, output: expect.stringMatching(/^\.env, line 2: not NAME=value\./m) });
    expect(malformed.output).not.toContain('private text');
  });
});
