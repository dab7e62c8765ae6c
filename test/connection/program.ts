import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, onTestFinished, vi } from 'vitest';
import { connectionBundle } from '../../lib/build/bundle.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { FakeClock } from '../mock-platform/clock.ts';
import type { PlatformEvent } from '../mock-platform/deliveries.ts';
import { MockPlatform } from '../mock-platform/platform.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { createProject, PROJECT_ROOT } from '../support/project.ts';
import { QueueProxy } from '../support/queue-proxy.ts';
import { type Running, start } from '../support/run.ts';
import { wait } from '../support/wait.ts';

/** Builds the Fargate task's bundle for the tests of a file, which run it as a process. */
export function longConnectionProgram() {
  const aws = emulatedAws();
  let outdir: string;
  beforeAll(async () => {
    outdir = await mkdtemp(path.join(tmpdir(), 'feishu-events-connection-'));
    await build(connectionBundle(PROJECT_ROOT, outdir));
  });
  afterAll(() => rm(outdir, { recursive: true }));

  async function startProgram(platform: MockPlatform, environment: NodeJS.ProcessEnv = {}, folder = outdir) {
    const port = await freePort();
    const running = start(folder, 'connection.mjs', [], {
      ...aws.emulators.environment,
      QUEUE_URL: aws.emulators.queueUrl,
      FEISHU_APP_ID: 'cli_0123456789abcdef',
      FEISHU_APP_SECRET: 'secret-of-the-app',
      FEISHU_DOMAIN: platform.domain,
      HEALTH_PORT: `${port}`,
      ...environment,
    });
    onTestFinished(() => running[Symbol.asyncDispose]());
    return { running, healthUrl: `http://127.0.0.1:${port}/` };
  }

  async function startProxy(): Promise<QueueProxy> {
    const proxy = await QueueProxy.start(aws.emulators);
    onTestFinished(() => proxy.stop());
    return proxy;
  }

  /** Starts the program with this handler of card clicks. */
  async function startWithHandler(handler: string, environment: NodeJS.ProcessEnv = {}) {
    const project = await createProject();
    onTestFinished(() => project[Symbol.asyncDispose]());
    await project.writeHandler(
      'callbacks/card.action.trigger.ts',
      `import { onCallback } from '#feishu-events';\n${handler}`,
    );
    const folder = path.join(project.root, 'built');
    await build(connectionBundle(project.root, folder));
    const platform = await startPlatform();
    const { running } = await startProgram(platform, environment, folder);
    await connected(running);
    const click = async (id: string) => {
      const text = createSample('card.action.trigger', { version: '2.0', token: '' });
      const delivery = platform.pushCallback({ id, text });
      await delivery.settled;
      return { responses: delivery.responses, eventId: JSON.parse(text).header.event_id };
    };
    const errors = () => {
      const lines = running.output().split('\n');
      return lines.filter((line) => line.includes('"level":"ERROR"')).map((line) => JSON.parse(line));
    };
    return { platform, running, click, errors };
  }

  return { aws, startProgram, startProxy, startWithHandler };
}

export async function startPlatform(clock = new FakeClock()): Promise<MockPlatform> {
  const platform = await MockPlatform.start(clock);
  onTestFinished(() => platform.stop());
  return platform;
}

export async function connected(running: Running): Promise<void> {
  await vi.waitFor(() => expect(running.output()).toContain('Connected to ws://127.0.0.1'), wait);
}

/** Pushes an event with the platform's retries, because a busy machine may exceed the time limit at first. */
export async function pushUntilAcknowledged(
  platform: MockPlatform,
  clock: FakeClock,
  event: PlatformEvent,
): Promise<void> {
  const delivery = platform.push(event);
  do await delivery.settled;
  while (clock.advanceToNext(Infinity));
  expect(delivery.state).toBe('acknowledged');
}

export function sampleEvent(id: string): PlatformEvent {
  return { id, text: createSample('message', { version: '1.0', token: '' }) };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
