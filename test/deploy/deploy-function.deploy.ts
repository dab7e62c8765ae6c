import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
});
afterAll(async () => {
  await ministack.stop();
  await project.remove();
});

test('serverless deploy function deploys a bundle, and rejects an artifact with private files', async () => {
  const deployed = await project.serverless('deploy');
  expect(deployed.code, deployed.output).toBe(0);
  await writeFile(path.join(project.folder, 'functions/handlers/fallback.ts'), CHANGED_FALLBACK);
  const changed = await project.serverless('deploy', 'function', '--function', 'worker');
  // Then the framework fails to update the settings: the template's roles have no names.
  expect(changed.output).toContain('Function code deployed');

  const configuration = path.join(project.folder, 'deploy/functions.yml');
  const text = await readFile(configuration, 'utf8');
  await writeFile(configuration, text.replace('\nworker:\n', '\nworker:\n  package: { patterns: [.env] }\n'));
  const { code, output } = await project.serverless('deploy', 'function', '--function', 'worker');
  expect(output).toContain('  .env (secrets)');
  expect(output).not.toContain('Function code deployed');
  expect(code).toBe(1);
});

const CHANGED_FALLBACK = `import { onUnhandledEvent } from '#feishu-events';
export default onUnhandledEvent((event, { log }) => log.info('Received', { keys: Object.keys(event).length }));
`;
