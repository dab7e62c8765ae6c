import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ministack, startMinistack } from './support/ministack.ts';
import { createProject, type Project } from './support/project.ts';

// The mistakes of an operator, one after the other, on one stack.

const SECRETS = { FEISHU_ENCRYPT_KEY: 'encrypt-key-of-the-test', FEISHU_VERIFICATION_TOKEN: 'token-of-the-test' };

let ministack: Ministack;
let project: Project;

beforeAll(async () => {
  ministack = await startMinistack();
  project = await createProject(ministack.environment);
  await project.writeEnvironment(SECRETS);
});
afterAll(async () => {
  await ministack.stop();
  await project.remove();
});

const succeed = async (...args: string[]) => {
  const { code, output } = await project.serverless(...args);
  expect(code, output).toBe(0);
  return output;
};
const fail = async (...args: string[]) => {
  const { code, output } = await project.serverless(...args);
  expect(code, output).toBe(1);
  return output;
};
const queues = async (): Promise<string[]> => {
  const { QueueUrls = [] } = await ministack.aws('sqs', 'list-queues');
  return QueueUrls.map((url: string) => url.slice(url.lastIndexOf('/') + 1)).sort();
};
const urlOf = async (name: string) => (await ministack.aws('sqs', 'get-queue-url', '--queue-name', name)).QueueUrl;
const sentAt = { DataType: 'String', StringValue: new Date().toISOString() };
const send = async (name: string, id: string) => {
  const attributes = { source: { DataType: 'String', StringValue: 'webhook' }, receivedAt: sentAt };
  const header = { event_id: id, event_type: 'a.moved_v1', app_id: 'cli_1', tenant_key: 't' };
  const event = { schema: '2.0', header, event: {} };
  const fifo = name.endsWith('.fifo') ? ['--message-deduplication-id', id] : [];
  const group = ['--message-group-id', 'chat', ...fifo];
  const message = ['--message-body', JSON.stringify(event), '--message-attributes', JSON.stringify(attributes)];
  await ministack.aws('sqs', 'send-message', '--queue-url', await urlOf(name), ...message, ...group);
};
const countOf = async (name: string) => {
  const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'];
  const query = ['--queue-url', await urlOf(name), '--attribute-names', ...names];
  const { Attributes } = await ministack.aws('sqs', 'get-queue-attributes', ...query);
  return names.reduce((sum, attribute) => sum + Number(Attributes[attribute]), 0);
};

const putLargeEvent = async () => {
  const { Buckets } = await ministack.aws('s3api', 'list-buckets');
  const { Name } = Buckets.find(({ Name }: { Name: string }) => Name.includes('largeevents'));
  await ministack.aws('s3api', 'put-object', '--bucket', Name, '--key', 'events/one.json.gz');
};

const FIFO_QUEUES = ['feishu-events-dev-dead.fifo', 'feishu-events-dev-events.fifo'];
const STANDARD_QUEUES = ['feishu-events-dev-dead', 'feishu-events-dev-events'];

test('A deployment states the account, the region and the stack first', async () => {
  const output = await succeed('deploy', '--param', 'ordering=conversation', '--param', 'alarmEmail=a@example.com');
  expect(output).toMatch(/Account \d{12}, region us-east-1, stack feishu-events-dev\n+Deploying feishu-events/);
  expect(await queues()).toEqual(FIFO_QUEUES);
});

test('No command of another service and stage uses a stack with the same name', async () => {
  const file = path.join(project.folder, 'serverless.yml');
  const own = await readFile(file, 'utf8');
  await writeFile(file, own.replace('service: feishu-events', 'service: feishu'));
  for (const command of ['deploy', 'remove --yes', 'dlq list', 'info', 'secrets']) {
    expect(await fail(...command.split(' '), '--stage', 'events-dev'), command).toContain(
      'The stack feishu-events-dev belongs to the service feishu-events with the stage dev.',
    );
  }
  await writeFile(file, own);
  expect(await queues()).toEqual(FIFO_QUEUES);
  expect((await ministack.aws('secretsmanager', 'list-secrets')).SecretList).toHaveLength(1);
});

test('A deployment keeps the parameters of the deployed stack, and says so', async () => {
  const output = await succeed('deploy');
  expect(output).toContain('Kept from the deployed stack: ordering=conversation, alarmEmail=a@example.com.');
  expect(output).toContain('No changes to deploy.');
});

test('A parameter that is given changes only this parameter', async () => {
  const output = await succeed('deploy', '--param', 'alarmEmail=none');
  expect(output).toContain('Kept from the deployed stack: ordering=conversation.');
  expect((await ministack.aws('sns', 'list-topics')).Topics).toEqual([]);
  expect(await succeed('deploy')).toContain('Kept from the deployed stack: ordering=conversation.');
  expect(await queues()).toEqual(FIFO_QUEUES);
});

test('A deployment that would replace queues with events is rejected, and changes nothing', async () => {
  const { EventSourceMappings } = await ministack.aws('lambda', 'list-event-source-mappings');
  await ministack.aws('lambda', 'update-event-source-mapping', '--uuid', EventSourceMappings[0].UUID, '--no-enabled');
  await send('feishu-events-dev-events.fifo', 'event-1');
  await send('feishu-events-dev-events.fifo', 'event-2');
  await send('feishu-events-dev-dead.fifo', 'dead-1');
  const output = await fail('deploy', '--param', 'ordering=none');
  expect(output).toContain(
    'This deployment would replace parts of the stack feishu-events-dev that are not empty:\n' +
      '  replace EventsQueue: 2 waiting events\n  replace DeadLetterQueue: 1 dead letter\n',
  );
  expect(output).toContain('--allow-replacement');
  expect(output).toContain('Changed parameters: ordering: conversation → default');
  expect(await queues()).toEqual(FIFO_QUEUES);
});

test('With --allow-replacement, the replaced queues stay, and queues move empties and deletes them', async () => {
  const output = await succeed('deploy', '--param', 'ordering=none', '--allow-replacement');
  expect(output).toContain('After the deployment, run: npx serverless queues move --stage dev');
  expect(await queues()).toEqual([...FIFO_QUEUES, ...STANDARD_QUEUES].sort());
  expect(await countOf('feishu-events-dev-events.fifo')).toBe(2);

  expect(await fail('deploy', '--param', 'ordering=conversation', '--allow-replacement')).toContain(
    'The queue feishu-events-dev-events.fifo exists already',
  );

  const moved = await succeed('queues', 'move', '--delete');
  expect(moved).toContain('2 moved from feishu-events-dev-events.fifo to feishu-events-dev-events.');
  expect(moved).toContain('1 moved from feishu-events-dev-dead.fifo to feishu-events-dev-dead.');
  expect(await queues()).toEqual(STANDARD_QUEUES);
  expect(await countOf('feishu-events-dev-dead')).toBe(1);
});

test('remove lists what it deletes, including large events, and deletes nothing without a confirmation', async () => {
  await putLargeEvent();
  const output = await fail('remove');
  expect(output).toMatch(/EventsQueue: \d+ waiting events?\n/);
  expect(output).toContain('DeadLetterQueue: 1 dead letter\n');
  expect(output).toContain('LargeEventsBucket: 1 large event\n');
  expect(output).toMatch(/ClaimsTable: \d+ records?\n/);
  expect(output).toContain('Nothing was deleted: not a terminal. Pass --yes to confirm');
  expect(await queues()).toEqual(STANDARD_QUEUES);
});

test('remove --yes deletes the stack, its queues and its bucket, and the next deployment starts with the defaults', async () => {
  await succeed('remove', '--yes');
  expect(await queues()).toEqual([]);
  expect((await ministack.aws('s3api', 'list-buckets')).Buckets).toEqual([]);
  expect(await succeed('deploy')).not.toContain('Kept from');
  expect(await queues()).toEqual(STANDARD_QUEUES);
});
