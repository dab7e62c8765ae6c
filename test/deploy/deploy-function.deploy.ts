import { appendFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ministack, startMinistack } from './support/ministack.ts';
import { createProject, type Project } from './support/project.ts';

let ministack: Ministack;
let project: Project;

beforeAll(async () => {
  ministack = await startMinistack();
  project = await createProject(ministack.environment);
  await project.writeEnvironment({
    FEISHU_ENCRYPT_KEY: 'the key',
    FEISHU_VERIFICATION_TOKEN: 'the token',
    FEISHU_APP_ID: 'cli_0123456789abcdef',
    FEISHU_APP_SECRET: 'the secret',
  });
  const deployed = await project.serverless('deploy');
  expect(deployed.code, deployed.output).toBe(0);
});
afterAll(async () => {
  await ministack.stop();
  await project.remove();
});

describe('serverless deploy function', () => {
  const deployFunction = (name: string) => project.serverless('deploy', 'function', '--function', name);

  async function changeConfiguration(from: string, to: string): Promise<void> {
    const file = path.join(project.folder, 'deploy/functions.yml');
    await writeFile(file, (await readFile(file, 'utf8')).replace(from, to));
  }

  async function configurationOf(name: string): Promise<{ CodeSha256: string; Role: string }> {
    return ministack.aws('lambda', 'get-function-configuration', '--function-name', `feishu-events-dev-${name}`);
  }

  test('deploys the bundles of the worker and the webhook, and keeps their roles', async () => {
    await writeFile(path.join(project.folder, 'functions/handlers/fallback.ts'), CHANGED_FALLBACK);
    await appendFile(path.join(project.folder, 'functions/webhook.ts'), 'console.error("changed");\n');
    for (const name of ['worker', 'webhook']) {
      const before = await configurationOf(name);
      const { code, output } = await deployFunction(name);
      expect(output).toContain('Function code deployed');
      expect(code, output).toBe(0);
      const after = await configurationOf(name);
      expect(after.CodeSha256).not.toBe(before.CodeSha256);
      expect(after.Role).toBe(before.Role);
    }
  });

  test('changes the role to another one of the stack', async () => {
    const before = await configurationOf('worker');
    await changeConfiguration('role: WorkerRole', 'role: !GetAtt WebhookRole.Arn');
    const { code, output } = await deployFunction('worker');
    expect(code, output).toBe(0);
    const { Role: role } = await configurationOf('worker');
    expect(role).toBe((await configurationOf('webhook')).Role);
    expect(role).not.toBe(before.Role);
    await changeConfiguration('role: !GetAtt WebhookRole.Arn', 'role: WorkerRole');
  });

  test.each([
    [
      'has a role that is not deployed',
      'role: MissingRole',
      'The role MissingRole of the function worker is not deployed',
    ],
    ['has provisioned concurrency', 'role: WorkerRole\n  provisionedConcurrency: 1', 'Run npx serverless deploy.'],
    ['would be deployed with private files', 'role: WorkerRole\n  package: { patterns: [.env] }', '  .env (secrets)'],
  ])('changes nothing if the function %s', async (_, settings, message) => {
    const before = await configurationOf('worker');
    await changeConfiguration('role: WorkerRole', settings);
    const { code, output } = await deployFunction('worker');
    expect(output).toContain(message);
    expect(code).toBe(1);
    expect(await configurationOf('worker')).toEqual(before);
    await changeConfiguration(settings, 'role: WorkerRole');
  });
});

const CHANGED_FALLBACK = `import { onUnhandledEvent } from '#feishu-events';
export default onUnhandledEvent((event, { log }) => log.info('Received', { keys: Object.keys(event).length }));
`;
