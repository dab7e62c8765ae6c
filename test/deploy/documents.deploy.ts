import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSample } from '../../lib/samples/samples.ts';
import { wait } from '../support/wait.ts';
import { type Ministack, startMinistack } from './support/ministack.ts';
import { createProject, type Project, ROOT } from './support/project.ts';
import { pythonTool } from './support/python.ts';
import { run } from './support/run.ts';

// Runs the commands of the documents that need an AWS account, in a useful order. test/documents/commands.test.ts checks
// that none is missing here.

const SECRETS = {
  FEISHU_ENCRYPT_KEY: 'key-of-the-documents-test',
  FEISHU_VERIFICATION_TOKEN: 'token-of-the-documents-test',
  FEISHU_APP_ID: 'cli_0123456789abcdef',
  FEISHU_APP_SECRET: 'app-secret-of-the-documents-test',
};

let ministack: Ministack;
let project: Project;

beforeAll(async () => {
  ministack = await startMinistack();
  // Nothing responds there: the doctor cannot reach the platform.
  project = await createProject({ ...ministack.environment, HTTPS_PROXY: 'http://127.0.0.1:1' });
  await project.writeEnvironment(SECRETS);
});
afterAll(async () => {
  await ministack.stop();
  await project.remove();
});

/** Runs a command as written in the documents, with values for its placeholders. */
async function runAsWritten(command: string, placeholders: Record<string, string> = {}) {
  const filled = Object.entries(placeholders).reduce((text, [name, value]) => text.replace(name, value), command);
  const folders = [path.join(ROOT, 'node_modules/.bin'), path.dirname(pythonTool('aws')), process.env.PATH];
  return await run('bash', ['-c', filled], {
    cwd: project.folder,
    environment: {
      ...ministack.environment,
      PATH: folders.join(':'),
      HOME: project.folder,
      SLS_AWS_MONITORING_FREQUENCY: '200',
      // The AWS CLI reads the region only from this variable.
      AWS_DEFAULT_REGION: ministack.environment.AWS_REGION,
    },
  });
}

async function succeed(command: string, placeholders?: Record<string, string>): Promise<string> {
  const { code, output } = await runAsWritten(command, placeholders);
  expect(code, `${command}\n${output}`).toBe(0);
  return output;
}

/** Sends an event without a handler to the dead-letter queue, and returns its id. */
async function addDeadLetter(stage: string): Promise<string> {
  const { QueueUrl } = await ministack.aws('sqs', 'get-queue-url', '--queue-name', `feishu-events-${stage}-dead`);
  const attribute = (StringValue: string) => ({ DataType: 'String', StringValue });
  const attributes = { source: attribute('webhook'), receivedAt: attribute(new Date().toISOString()) };
  const message = ['--message-body', createSample('a.dead_v1', { version: '2.0', token: '' })];
  const withAttributes = [...message, '--message-attributes', JSON.stringify(attributes)];
  return (await ministack.aws('sqs', 'send-message', '--queue-url', QueueUrl, ...withAttributes)).MessageId;
}

describe('the commands of the documents', () => {
  test('deploy a stage and show it', async () => {
    expect(await succeed('aws sts get-caller-identity')).toContain('Account');
    await succeed('npx serverless package');
    await succeed('npx serverless deploy --stage prod');
    await succeed('npx serverless deploy function -f worker --stage prod');
    expect(await succeed('npx serverless info --stage prod')).toContain('feishu-events-prod');
    expect(await succeed('npx serverless secrets --stage prod')).toContain('is unchanged');
  });

  test('run the doctor', async () => {
    // Runs `npx serverless doctor stack --stage prod`. Repeated, because the doctor reports a slow response, and this
    // machine may be busy.
    const run = async () => (await runAsWritten('npm run doctor -- --stage prod')).output;
    await expect.poll(run, wait).toContain('No problems found.');
  });

  test("print the functions' logs", async () => {
    expect(await succeed('npx serverless logs -f worker --stage prod')).toContain('feishu_events.doctor_v1');
    expect(await succeed('npx serverless logs -f webhook --stage prod')).toContain('feishu_events.doctor_v1');
  });

  test('list, show, redrive and drop dead letters', async () => {
    const stage = ' --stage prod';
    const MESSAGE = await addDeadLetter('prod');
    const placeholders = { '[--type T]': '--type a.dead_v1', '[--max N]': '--max 5', '[--yes]': '--yes', MESSAGE };
    expect(await succeed(`npx serverless dlq list [--type T] [--max N]${stage}`, placeholders)).toContain(MESSAGE);
    expect(await succeed(`npx serverless dlq show --id MESSAGE${stage}`, placeholders)).toContain('a.dead_v1');
    expect(await succeed(`npx serverless dlq redrive --max 1${stage}`)).toContain('1 moved');
    expect(await succeed(`npx serverless dlq redrive [--type T] [--max N]${stage}`, placeholders)).toContain('0 moved');
    await addDeadLetter('prod');
    expect(await succeed(`npx serverless dlq drop [--type T] [--max N] [--yes]${stage}`, placeholders)).toContain(
      '1 deleted',
    );
  });

  test('change the ordering', async () => {
    await addDeadLetter('prod');
    const deploy = 'npx serverless deploy --param ordering=conversation --allow-replacement';
    await succeed(`${deploy} --stage prod`);
    expect(await succeed('npx serverless queues move --stage prod')).toContain(
      '1 moved from feishu-events-prod-dead to',
    );
    const deleted = await succeed('npx serverless queues move --delete --stage prod');
    expect(deleted).toContain('Deleted the replaced queue feishu-events-prod-dead.');
  });

  test('remove the stage and restore its secret', async () => {
    const refused = await runAsWritten('npx serverless remove --stage prod');
    expect(refused.output).toContain('Pass --yes to confirm');
    await succeed('npx serverless remove --stage prod --yes');
    const restored = await succeed('aws secretsmanager restore-secret --secret-id feishu-events/prod');
    expect(restored).toContain('feishu-events/prod');
  });

  test('deploy a long connection and describe its service', async () => {
    await succeed('npx serverless deploy --param longConnection=true');
    const described = await succeed('aws ecs describe-services --cluster feishu-events-<stage> --services connection', {
      '<stage>': 'dev',
    });
    expect(JSON.parse(described).services).toMatchObject([{ serviceName: 'connection' }]);
  });
});
