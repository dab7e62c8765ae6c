import { once } from 'node:events';
import { mkdtempDisposable, readFile, symlink } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { HEALTH_PORT, startHealthServer } from '../../lib/connection/health-server.ts';
import type { LongConnectionStatus } from '../../lib/feishu/long-connection/reconnector.ts';
import { TIMING } from '../../lib/feishu/long-connection/timing.ts';
import { createProject, ROOT } from './support/project.ts';
import { run } from './support/run.ts';

interface Container {
  Name: string;
  StopTimeout: number;
  HealthCheck: { Command: [string, string, ...string[]]; Interval: number; Timeout: number; Retries: number };
}

describe("the health check of the long connection's container", () => {
  let container: Container;
  beforeAll(async () => {
    const project = await createProject();
    const { Resources } = await project.package('--param', 'longConnection=true');
    await project.remove();
    const { ContainerDefinitions = [] } = (Resources.ConnectionTask?.Properties ?? {}) as {
      ContainerDefinitions?: Container[];
    };
    container = ContainerDefinitions.find(({ Name }) => Name === 'connection') as Container;
  });

  /** Runs the template's command in an environment where bash is the only program. */
  async function check(port: number): Promise<number | null> {
    const [kind, program, ...parameters] = container.HealthCheck.Command;
    expect([kind, program]).toEqual(['CMD', 'bash']);
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-bash-'));
    const bash = path.join(folder.path, 'bash');
    await symlink('/bin/bash', bash);
    const adapted = parameters.map((text) => text.replace(`/127.0.0.1/${HEALTH_PORT}`, `/127.0.0.1/${port}`));
    expect(adapted).not.toEqual(parameters);
    return (await run(bash, adapted, { environment: { PATH: folder.path } })).code;
  }

  async function checkServer(changes: Partial<LongConnectionStatus> | undefined): Promise<number | null> {
    const port = await freePort();
    const healthy = { state: 'connected', pingIntervalMs: 120_000, reconnects: 0, inFlight: 0 };
    const status = changes && ({ ...healthy, ...changes } as LongConnectionStatus);
    const readStatus = vi.fn(() => status);
    await using _server = await startHealthServer(readStatus, port);
    const code = await check(port);
    expect(readStatus).toHaveBeenCalledOnce();
    return code;
  }

  it('passes while the connection is healthy, without starting another program', async () => {
    expect(await checkServer({ lastPongAt: Date.now() })).toBe(0);
  });

  it.each<[string, Partial<LongConnectionStatus> | undefined]>([
    ['the connection is down', { state: 'connecting', disconnectedAt: 0 }],
    ['there is no connection yet', undefined],
  ])('fails while %s', async (_, status) => {
    expect(await checkServer(status)).not.toBe(0);
  });

  it('fails if nothing listens', async () => {
    expect(await check(await freePort())).not.toBe(0);
  });

  it('fails if the connection closes without a response', async () => {
    await using server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    expect(await check((server.address() as AddressInfo).port)).not.toBe(0);
  });

  it('tolerates a task that is busy for minutes', () => {
    const { Interval, Timeout, Retries } = container.HealthCheck;
    expect(Timeout).toBeGreaterThanOrEqual(30);
    expect(Interval * (Retries - 1)).toBeGreaterThanOrEqual(120);
  });

  it('leaves the program enough time to stop, as the comment says', async () => {
    const program = await readFile(path.join(ROOT, 'functions/connection.ts'), 'utf8');
    const exitWithinMs = Number(/EXIT_WITHIN_MILLISECONDS = (\d+)/.exec(program)?.[1]);
    const seconds = (TIMING.acknowledgeWithinMs + TIMING.closeWithinMs + exitWithinMs) / 1000;
    expect(container.StopTimeout).toBeGreaterThan(seconds);
    expect(await readFile(path.join(ROOT, 'deploy/connection.yml'), 'utf8')).toContain(
      `within ${seconds} s of SIGTERM`,
    );
  });
});

async function freePort(): Promise<number> {
  await using server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
