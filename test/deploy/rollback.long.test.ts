import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHttpServer } from '../../lib/local/http-server.ts';
import { createProject, type Project } from './support/project.ts';

let project: Project;
let aws: Awaited<ReturnType<typeof startHttpServer>>;
let requests = 0;
beforeAll(async () => {
  aws = await startHttpServer('127.0.0.1', 0, async () => {
    requests += 1;
    return { statusCode: 500, headers: {}, body: '' };
  });
  const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
  project = await createProject({ AWS_ENDPOINT_URL: aws.origin, AWS_REGION: 'us-east-1', ...credentials });
});
afterAll(async () => {
  await aws.stop();
  await project.remove();
});

test.each([
  'rollback',
  'rollback --timestamp 1700000000000',
  'rollback function --function worker --function-version 1',
])('serverless %s changes nothing, and names the commands to use instead', async (command) => {
  const { code, output } = await project.serverless(...command.split(' '), '--stage', 'prod');
  expect(output).toContain('git checkout <commit> && npm ci && npx serverless deploy --stage prod');
  expect(code).toBe(1);
  expect(requests).toBe(0);
});

test('serverless rollback --help explains the command', async () => {
  const { code, output } = await project.serverless('rollback', '--help');
  expect(output).toContain('timestamp');
  expect(code).toBe(0);
});
