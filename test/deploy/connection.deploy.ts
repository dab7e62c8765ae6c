import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSample } from '../../lib/samples/samples.ts';
import { MockPlatform } from '../mock-platform/platform.ts';
import { wait } from '../support/wait.ts';
import { type Ministack, startMinistack } from './support/ministack.ts';
import { createProject, type Project } from './support/project.ts';
import { pythonTool } from './support/python.ts';
import { findRole, type Role } from './support/role.ts';
import { run } from './support/run.ts';

// Runs the two containers of the long connection's task as processes, with the entry points, commands, environments and
// secrets of the deployed task definition, a folder as the volume, and the container agent's credentials endpoint, which
// provides the task's role. Proves each permission of the task's roles necessary. Not tested: the images, the ARM
// processor, the read-only root file system, the user of the second container, the network, and that the agent starts the
// containers in order.

interface Container {
  name: string;
  entryPoint: string[];
  command: string[];
  environment: { name: string; value: string }[];
  secrets: { name: string; valueFrom: string }[];
  healthCheck: { command: string[] };
  stopTimeout: number;
}

interface TemplateContainer {
  Secrets?: { Name: string; ValueFrom: { 'Fn::Join': [string, string[]] } }[];
  HealthCheck?: { Command: string[] };
}

let ministack: Ministack;
let platform: MockPlatform;
let project: Project;
let volume: string;
let agent: Server;
let credentialRequests = 0;
let taskRole: Role;
let executionRole: Role;
let agentCredentials: Record<string, string>;
let containers: Record<string, Container>;

beforeAll(async () => {
  ministack = await startMinistack();
  project = await createProject(ministack.environment);
  platform = await MockPlatform.start();
  await project.writeEnvironment({ FEISHU_APP_ID: 'cli_0123456789abcdef', FEISHU_APP_SECRET: 'app-secret' });
  const { code, output } = await project.serverless(
    'deploy',
    '--param',
    'webhook=false',
    '--param',
    'longConnection=true',
  );
  if (code !== 0) throw new Error(output);
  const { taskDefinition } = await ministack.aws(
    'ecs',
    'describe-task-definition',
    '--task-definition',
    'feishu-events-dev-connection',
  );
  // ministack's CloudFormation ignores these properties of containers.
  const { ContainerDefinitions } = (await project.template()).Resources.ConnectionTask?.Properties ?? {};
  const ignored = (ContainerDefinitions as TemplateContainer[]).map(({ Secrets = [], HealthCheck }) => ({
    secrets: Secrets.map(({ Name, ValueFrom }) => ({ name: Name, valueFrom: ValueFrom['Fn::Join'][1].join(':') })),
    healthCheck: { command: HealthCheck?.Command },
  }));
  containers = Object.fromEntries(
    taskDefinition.containerDefinitions.map((container: Container, index: number) => [
      container.name,
      { ...container, ...ignored[index] },
    ]),
  );
  // The worker would receive the queued event before the test does.
  const { EventSourceMappings } = await ministack.aws('lambda', 'list-event-source-mappings');
  const mapping = ['--uuid', EventSourceMappings[0].UUID];
  await ministack.aws('lambda', 'update-event-source-mapping', ...mapping, '--no-enabled');
  taskRole = await findRole(ministack, 'ConnectionTaskRole');
  executionRole = await findRole(ministack, 'ConnectionExecutionRole');
  agentCredentials = await executionRole.assume();
  const task = await taskRole.assume();
  const credentials = {
    AccessKeyId: task.AWS_ACCESS_KEY_ID,
    SecretAccessKey: task.AWS_SECRET_ACCESS_KEY,
    Token: task.AWS_SESSION_TOKEN,
    Expiration: '2099-01-01T00:00:00Z',
  };
  volume = await mkdtemp(path.join(tmpdir(), 'feishu-events-volume-'));
  agent = createServer((_, response) => {
    credentialRequests += 1;
    response.end(JSON.stringify(credentials));
  }).listen(0, '127.0.0.1');
  await once(agent, 'listening');
});
afterAll(async () => {
  agent.close();
  await platform.stop();
  await ministack.stop();
  await project.remove();
  await rm(volume, { recursive: true, force: true });
});

/** The environment that the agent gives a container. The task's credentials are only at an endpoint. */
const environmentOf = async ({ environment, secrets = [] }: Container): Promise<Record<string, string>> => {
  const { port } = agent.address() as AddressInfo;
  const values = await Promise.all(secrets.map(async ({ name, valueFrom }) => [name, await readSecret(valueFrom)]));
  return {
    PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`,
    AWS_ENDPOINT_URL: ministack.endpoint,
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/`,
    ...Object.fromEntries(environment.map(({ name, value }) => [name, onLoopback(value)])),
    ...Object.fromEntries(values),
  };
};

/** Replaces the platform's host. */
const onLoopback = (value: string) => value.replace(/^https:\/\/open\.feishu\.cn$/, platform.domain);

/** @param valueFrom `<arn>:<key>:<stage>:<version>`; the ARN has seven parts */
async function readSecret(valueFrom: string): Promise<string> {
  const parts = valueFrom.split(':');
  const [key = '', stage, version = ''] = parts.slice(7);
  expect(stage).toBe('');
  const arn = parts.slice(0, 7).join(':');
  const read = ['secretsmanager', 'get-secret-value', '--secret-id', arn, '--version-id', version];
  const { SecretString } = await ministack.awsAs(agentCredentials, read);
  return JSON.parse(SecretString)[key];
}

const inVolume = (parts: string[]) => parts.map((part) => part.replace(/^\/program/, volume));

const largeEvent = JSON.stringify({
  schema: '2.0',
  header: { event_id: 'large', event_type: 'a.large_v1', token: '' },
  event: { noise: randomBytes(1_200_000).toString('base64') },
});

const LOG_ACTIONS = ['logs:CreateLogStream', 'logs:PutLogEvents'];

describe("the long connection's task", () => {
  let running: ChildProcess;

  const fetchProgram = async () => {
    const { fetch } = containers as Record<'fetch', Container>;
    expect(fetch.entryPoint).toEqual(['aws']);
    return await run(pythonTool('aws'), inVolume(fetch.command), { environment: await environmentOf(fetch) });
  };

  test('cannot fetch the program without s3:GetObject', async () => {
    await taskRole.without('s3:GetObject');
    const { code, output } = await fetchProgram();
    expect(output).toContain('403');
    expect(code).not.toBe(0);
    await taskRole.restore();
    credentialRequests = 0;
  });

  test('fetches the program in its first container', async () => {
    const result = await fetchProgram();
    expect(result.code, result.output).toBe(0);
    expect(await readdir(volume)).toEqual(['connection.mjs']);
    expect(credentialRequests).toBe(1);
  });

  test('runs it in its second, which logs in with the secrets and queues events with the credentials', async () => {
    const { connection } = containers as Record<'connection', Container>;
    expect(connection.entryPoint).toEqual(['node']);
    running = spawn(process.execPath, inVolume(connection.command), {
      env: await environmentOf(connection),
      stdio: 'ignore',
    });
    while (platform.gateway.open.length === 0) await sleep(50);
    const text = createSample('message', { version: '1.0', token: '' });
    const delivery = platform.push({ id: 'e1', text });
    await delivery.settled;
    expect(delivery.state).toBe('acknowledged');
    const queue = ['--queue-url', connection.environment.find(({ name }) => name === 'QUEUE_URL')?.value as string];
    const { Messages } = await ministack.aws('sqs', 'receive-message', ...queue, '--wait-time-seconds', '20');
    expect(Messages[0].Body).toBe(text);
    // One request per container. The functions' bundles cannot read this endpoint.
    expect(credentialRequests).toBe(2);
  });

  test('cannot queue an event without sqs:SendMessage', async () => {
    await taskRole.without('sqs:SendMessage');
    const delivery = platform.push({ id: 'e2', text: createSample('message', { version: '1.0', token: '' }) });
    await delivery.settled;
    expect(delivery.state).not.toBe('acknowledged');
    await taskRole.restore();
  });

  test.each([
    ['a large event without s3:PutObject', 'largeevents', largeEvent],
    ['an unreadable event without sqs:SendMessage for the dead-letter queue', 'dev-dead', '{"schema":"3.0"}'],
  ])('cannot store %s', async (name, resource, text) => {
    const pushOnce = async () => {
      const delivery = platform.push({ id: name, text });
      await delivery.settled;
      return delivery.state;
    };
    // A busy machine may be too slow to store an event in time.
    await expect.poll(pushOnce, wait).toBe('acknowledged');
    await taskRole.withoutResource(resource);
    expect(await pushOnce()).not.toBe('acknowledged');
    await taskRole.restore();
  });

  test('passes its health check, and fails it if the program does not respond', async () => {
    const { connection } = containers as Record<'connection', Container>;
    const [kind, command, ...args] = connection.healthCheck.command;
    expect([kind, command]).toEqual(['CMD', 'bash']);
    const check = async () => (await run('/bin/bash', args, { environment: {} })).code;
    expect(await check()).toBe(0);
    running.kill('SIGTERM');
    const exit = await Promise.race([once(running, 'exit'), sleep(connection.stopTimeout * 1000, ['too late'])]);
    expect(exit).toEqual([0, null]);
    expect(await check()).not.toBe(0);
  });
});

describe("the container agent's role", () => {
  test('is needed to read the secrets', async () => {
    const { connection } = containers as Record<'connection', Container>;
    await executionRole.without('secretsmanager:GetSecretValue');
    await expect(environmentOf(connection)).rejects.toThrow('AccessDenied');
    await executionRole.restore();
  });

  // The emulator does not write the log of a task: it only evaluates the policy.
  test('is needed to write the log', async () => {
    const stream =
      'arn:aws:logs:us-east-1:000000000000:log-group:/ecs/feishu-events-dev-connection:log-stream:connection';
    expect(await executionRole.simulate(LOG_ACTIONS, stream)).toEqual(LOG_ACTIONS);
    await executionRole.without(...LOG_ACTIONS);
    expect(await executionRole.simulate(LOG_ACTIONS, stream)).toEqual([]);
  });

  test('and the role of the task have no other permissions', () => {
    expect(taskRole.actions.toSorted()).toEqual(['s3:GetObject', 's3:PutObject', 'sqs:SendMessage', 'sqs:SendMessage']);
    expect(executionRole.actions.toSorted()).toEqual([...LOG_ACTIONS, 'secretsmanager:GetSecretValue']);
  });
});
