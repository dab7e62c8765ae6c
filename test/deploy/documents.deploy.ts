import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Moto, startMoto } from './support/moto.ts';
import { createProject, type Project, ROOT } from './support/project.ts';
import { pythonTool } from './support/python.ts';
import { run } from './support/run.ts';

// The commands of the documents that need an account, in an order that makes sense. test/documents/commands.test.ts sees to
// it that none is missing here.

const SECRETS = {
  FEISHU_ENCRYPT_KEY: 'key-of-the-documents-test',
  FEISHU_VERIFICATION_TOKEN: 'token-of-the-documents-test',
  FEISHU_APP_ID: 'cli_0123456789abcdef',
  FEISHU_APP_SECRET: 'app-secret-of-the-documents-test',
};

let moto: Moto;
let project: Project;

beforeAll(async () => {
  moto = await startMoto();
  project = await createProject(moto.environment);
  await project.writeEnvironment(SECRETS);
});
afterAll(async () => {
  await moto.stop();
  await project.remove();
});

/** Runs what a person would, with the words that stand for their own put in. */
async function runAsWritten(command: string, own: Record<string, string> = {}) {
  const filled = Object.entries(own).reduce((text, [word, value]) => text.replace(word, value), command);
  const folders = [path.join(ROOT, 'node_modules/.bin'), path.dirname(pythonTool('aws')), process.env.PATH];
  return await run('bash', ['-c', filled], {
    cwd: project.folder,
    environment: {
      ...moto.environment,
      PATH: folders.join(':'),
      HOME: project.folder,
      SLS_AWS_MONITORING_FREQUENCY: '200',
      // AWS's command line knows the region by this name alone.
      AWS_DEFAULT_REGION: moto.environment.AWS_REGION,
    },
  });
}

async function succeed(command: string, own?: Record<string, string>): Promise<string> {
  const { code, output } = await runAsWritten(command, own);
  expect(code, `${command}\n${output}`).toBe(0);
  return output;
}

/** @returns the id of a message that the worker could never handle */
async function addDeadLetter(stage: string): Promise<string> {
  const { QueueUrl } = await moto.aws('sqs', 'get-queue-url', '--queue-name', `feishu-events-${stage}-dead`);
  const { MessageId } = await moto.aws('sqs', 'send-message', '--queue-url', QueueUrl, '--message-body', 'no event');
  return MessageId;
}

describe('The commands of the documents', () => {
  test('deploy a stage, and tell of it', async () => {
    expect(await succeed('aws sts get-caller-identity')).toContain('Account');
    await succeed('npx serverless package');
    await succeed('npx serverless deploy --stage prod');
    expect(await succeed('npx serverless info --stage prod')).toContain('feishu-events-prod');
    expect(await succeed('npx serverless secrets --stage prod')).toContain('stays as it is');
  });

  test('examine it: moto has no HTTP API, which the doctor finds', async () => {
    // It runs `npx serverless doctor stack --stage prod`, and waits 30 s for an event that nothing works on here.
    const { code, output } = await runAsWritten('npm run doctor -- --stage prod');
    expect(output).toContain('✓ The secret feishu-events/prod is complete');
    expect(output).toContain('to be mended.');
    expect(code).toBe(1);
  });

  test("print the functions' logs", async () => {
    // moto has invoked the worker with the doctor's event, and nothing has called the webhook.
    await succeed('npx serverless logs -f worker --stage prod');
    const { output } = await runAsWritten('npx serverless logs -f webhook --stage prod');
    expect(output).toContain('No existing streams for the function');
  });

  test('show, send again and delete dead letters', async () => {
    const stage = ' --stage prod';
    const MESSAGE = await addDeadLetter('prod');
    const all = { '[--type T]': '--type unreadable', '[--max N]': '--max 5', '[--yes]': '--yes', MESSAGE };
    expect(await succeed(`npx serverless dlq list [--type T] [--max N]${stage}`, all)).toContain(MESSAGE);
    expect(await succeed(`npx serverless dlq show --id MESSAGE${stage}`, all)).toContain('no event');
    expect(await succeed(`npx serverless dlq redrive --max 1${stage}`)).toContain('1 moved');
    expect(await succeed(`npx serverless dlq redrive [--type T] [--max N]${stage}`, all)).toContain('0 moved');
    await addDeadLetter('prod');
    expect(await succeed(`npx serverless dlq drop [--type T] [--max N] [--yes]${stage}`, all)).toContain('1 deleted');
  });

  test('take the stage away, and bring its secret back', async () => {
    await succeed('npx serverless remove --stage prod');
    const restored = await succeed('aws secretsmanager restore-secret --secret-id feishu-events/prod');
    expect(restored).toContain('feishu-events/prod');
  });

  test('deploy a long connection, and tell of its service', async () => {
    await succeed('npx serverless deploy --param longConnection=true');
    const described = await succeed('aws ecs describe-services --cluster feishu-events-<stage> --services connection', {
      '<stage>': 'dev',
    });
    expect(JSON.parse(described).services).toMatchObject([{ serviceName: 'connection' }]);
  });
});
