import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseEnv, promisify } from 'node:util';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it, vi } from 'vitest';
import { deriveRequirements } from '../../lib/app/requirements.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import { createSample, type SampleOptions, samplePayload } from '../../lib/samples/samples.ts';
import { listExamples } from '../../lib/tools/example/copy-example.ts';
import { deliver } from '../support/deliver.ts';
import { startLocalStack } from '../support/local-stack.ts';
import { PROJECT_ROOT } from '../support/project.ts';
import { run, start } from '../support/run.ts';
import { encryptKey, verificationToken } from '../support/secrets.ts';
import { wait } from '../support/wait.ts';
import { Platform } from './platform.ts';

/** Copies this project as a clone has it, and an example into the copy. */
async function copyProject(example: string) {
  const root = await mkdtemp(path.join(tmpdir(), 'feishu-events-example-'));
  const ignored = (await readFile(path.join(PROJECT_ROOT, '.gitignore'), 'utf8')).split('\n');
  const notCloned = new Set(['.git', ...ignored.map((name) => name.replace(/\/$/, ''))]);
  await cp(PROJECT_ROOT, root, { recursive: true, filter: (source) => !notCloned.has(path.basename(source)) });
  await symlink(path.join(PROJECT_ROOT, 'node_modules'), path.join(root, 'node_modules'));
  const { code, output } = await run(root, 'lib/tools/new.ts', ['--example', example]);
  expect(code, output).toBe(0);
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true }) };
}

it.each([...(await listExamples(PROJECT_ROOT)).keys()])(
  'A project with a copy of %s passes its checks and its tests, and can be deployed',
  async (example) => {
    await using project = await copyProject(example);
    for (const command of ['npm run check', 'npm run test:handlers', 'npx serverless package']) {
      const [program = '', ...args] = command.split(' ');
      const env = { ...process.env, AWS_REGION: 'us-east-1' };
      const execution = promisify(execFile)(program, args, { cwd: project.root, env });
      const { stderr } = await execution.catch(({ message, stdout }) => expect.fail(`${message}\n${stdout}`));
      // Packaging warns about variables that the deployment does not set.
      expect(stderr, command).not.toContain('does not set');
    }
    // For npm run setup.
    expect((await deriveRequirements(project.root)).scopes).not.toEqual([]);
  },
);

/** Runs an example on the local stack, with the mock or the emulator that the example contains. */
async function runExample(example: string, service: string) {
  await using parts = new AsyncDisposableStack();
  const project = parts.use(await copyProject(example));
  const running = parts.use(start(project.root, service, ['0']));
  await vi.waitFor(() => expect(running.output()).toMatch(/^AWS_ENDPOINT\w+=.+\n|^OPENAI_API_KEY=.+\n/m), wait);
  const variables = parseEnv(running.output().slice(running.output().indexOf('\n\n'))) as Record<string, string>;
  const platform = parts.use(new Platform());
  const environment = {
    ...variables,
    ...(await platform.start()),
    FEISHU_ENCRYPT_KEY: encryptKey,
    FEISHU_VERIFICATION_TOKEN: verificationToken,
  };
  const stack = await startLocalStack({ root: project.root, environment });
  parts.defer(() => stack.stop());
  const moved = parts.move();
  return {
    platform,
    variables,
    stack,
    async send(type: string, options: Partial<SampleOptions>) {
      const text = createSample(type, { version: '2.0', token: verificationToken, ...options });
      const response = await deliver(stack.webhookUrl, writeRequest(text, { encryptKey }, Date.now()));
      expect(response.status).toBe(200);
      return response.body;
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

describe('On the local stack,', () => {
  it('files-to-s3 stores a file and confirms it', async () => {
    await using bot = await runExample('files-to-s3', 'test/files-to-s3/bucket.ts');
    const event = samplePayload('im.message.receive_v1', 'file');
    const { message_id: id, chat_id: chat, content } = event.message;
    const resource = `/open-apis/im/v1/messages/${id}/resources/${JSON.parse(content).file_key}`;
    bot.platform.responses.set(`GET ${resource}`, Buffer.alloc(7_000_000, 'content '));
    await bot.send('im.message.receive_v1', { event });
    await vi.waitFor(() => expect(bot.platform.find('POST', /\/reply$/)).toHaveLength(1), wait);

    const { AWS_ENDPOINT_URL_S3: endpoint = '', FILES_BUCKET: bucket = '' } = bot.variables;
    const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
    const s3 = new S3Client({ endpoint, region: 'us-east-1', credentials, forcePathStyle: true });
    const stored = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: `${chat}/${id}/1-周报.pdf` }));
    expect((await stored.Body?.transformToString())?.length).toBe(7_000_000);
    s3.destroy();
  });

  it('assistant answers a question about a picture', async () => {
    await using bot = await runExample('assistant', 'test/assistant/mock-model.ts');
    const event = samplePayload('im.message.receive_v1', 'post');
    const [mention] = event.message.mentions ?? [];
    bot.platform.responses.set('GET /open-apis/bot/v3/info', { code: 0, bot: { open_id: mention?.id.open_id } });
    const [, image] = JSON.parse(event.message.content).content;
    const resource = `/open-apis/im/v1/messages/${event.message.message_id}/resources/${image[0].image_key}`;
    bot.platform.responses.set(`GET ${resource}`, Buffer.from('\x89PNG', 'latin1'));
    await bot.send('im.message.receive_v1', { event });
    await vi.waitFor(() => expect(bot.platform.calls.map(({ body }) => body).join()).toContain('Hello, world'), wait);
    expect(bot.platform.find('POST', /\/reply$/)).toHaveLength(1);
    expect(bot.platform.find('GET', /\/resources\//)).toHaveLength(1);
  });

  it('approval-flow sends a card, and applies the click of the approver only', async () => {
    await using bot = await runExample('approval-flow', 'test/approval-flow/table.ts');
    const task = samplePayload('approval_task', 'pending');
    bot.platform.responses.set(`GET /open-apis/approval/v4/instances/${task.instance_code}`, {
      code: 0,
      data: {
        approval_name: 'Expenses',
        open_id: 'ou_requester',
        form: '[]',
        task_list: [{ id: task.task_id, status: 'PENDING' }],
      },
    });
    await bot.send('approval_task', { version: '1.0', event: task });
    await vi.waitFor(() => expect(bot.platform.find('POST', /im\/v1\/messages$/)).toHaveLength(1), wait);
    const [message] = bot.platform.find('POST', /im\/v1\/messages$/);
    const card = JSON.parse(JSON.parse(message?.body ?? '').content);
    const { value } = card.body.elements.find(({ tag }: { tag: string }) => tag === 'button').behaviors[0];

    const sample = samplePayload('card.action.trigger');
    const click = (by: string | undefined) => ({
      event: { ...sample, operator: { ...sample.operator, open_id: by }, action: { tag: 'button', value } },
    });
    expect(await bot.send('card.action.trigger', click('ou_somebody'))).toContain('"type":"error"');
    expect(await bot.send('card.action.trigger', click(task.open_id))).toContain('"type":"info"');
    await vi.waitFor(() => expect(bot.platform.find('PATCH', /im\/v1\/messages\//)).toHaveLength(1), wait);
    await vi.waitFor(
      () => expect(bot.stack.events().filter(({ status }) => status === 'dropped')).toHaveLength(1),
      wait,
    );
    expect(bot.platform.find('POST', /tasks\/approve$/)).toHaveLength(1);

    const { AWS_ENDPOINT_URL_DYNAMODB: endpoint = '', APPROVALS_TABLE: table = '' } = bot.variables;
    const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
    const dynamo = new DynamoDBClient({ endpoint, region: 'us-east-1', credentials });
    const read = () => dynamo.send(new GetItemCommand({ TableName: table, Key: { task: { S: task.task_id } } }));
    const expected = { status: { S: 'APPROVED' }, cardMessageId: { S: 'om_sent' } };
    await vi.waitFor(async () => expect((await read()).Item).toMatchObject(expected), wait);
    dynamo.destroy();
  });
});
