import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Moto, startMoto } from './support/moto.ts';
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

/** Runs a command as written in the documents, with values for its placeholders. */
async function runAsWritten(command: string, placeholders: Record<string, string> = {}) {
  const filled = Object.entries(placeholders).reduce((text, [name, value]) => text.replace(name, value), command);
  const folders = [path.join(ROOT, 'node_modules/.bin'), path.dirname(pythonTool('aws')), process.env.PATH];
  return await run('bash', ['-c', filled], {
    cwd: project.folder,
    environment: {
      ...moto.environment,
      PATH: folders.join(':'),
      HOME: project.folder,
      SLS_AWS_MONITORING_FREQUENCY: '200',
      // The AWS CLI reads the region only from this variable.
      AWS_DEFAULT_REGION: moto.environment.AWS_REGION,
    },
  });
}

async function succeed(command: string, placeholders?: Record<string, string>): Promise<string> {
  const { code, output } = await runAsWritten(command, placeholders);
  expect(code, `${command}\n${output}`).toBe(0);
  return output;
}

/** Sends a message to the dead-letter queue that is not an event, and returns its id. */
async function addDeadLetter(stage: string): Promise<string> {
  const { QueueUrl } = await moto.aws('sqs', 'get-queue-url', '--queue-name', `feishu-events-${stage}-dead`);
  const { MessageId } = await moto.aws('sqs', 'send-message', '--queue-url', QueueUrl, '--message-body', 'no event');
  return MessageId;
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

  test('run the doctor, which finds that moto has no HTTP API', async () => {
    // Runs `npx serverless doctor stack --stage prod`, and waits 30 s for an event that nothing processes here.
    const { code, output } = await runAsWritten('npm run doctor -- --stage prod');
    expect(output).toContain('✓ The secret feishu-events/prod is complete');
    expect(output).toMatch(/\d problems? found\./);
    expect(code).toBe(1);
  });

  test("print the functions' logs", async () => {
    // moto has invoked the worker with the doctor's event. Nothing has called the webhook.
    await succeed('npx serverless logs -f worker --stage prod');
    const { output } = await runAsWritten('npx serverless logs -f webhook --stage prod');
    expect(output).toContain('No existing streams for the function');
  });

  test('list, show, redrive and drop dead letters', async () => {
    const stage = ' --stage prod';
    const MESSAGE = await addDeadLetter('prod');
    const placeholders = { '[--type T]': '--type unreadable', '[--max N]': '--max 5', '[--yes]': '--yes', MESSAGE };
    expect(await succeed(`npx serverless dlq list [--type T] [--max N]${stage}`, placeholders)).toContain(MESSAGE);
    expect(await succeed(`npx serverless dlq show --id MESSAGE${stage}`, placeholders)).toContain('readable event');
    expect(await succeed(`npx serverless dlq redrive --max 1${stage}`)).toContain('1 moved');
    expect(await succeed(`npx serverless dlq redrive [--type T] [--max N]${stage}`, placeholders)).toContain('0 moved');
    await addDeadLetter('prod');
    expect(await succeed(`npx serverless dlq drop [--type T] [--max N] [--yes]${stage}`, placeholders)).toContain(
      '1 deleted',
    );
  });

  test('remove the stage and restore its secret', async () => {
    await succeed('npx serverless remove --stage prod');
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
