import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pythonTool } from './python.ts';
import { runOrThrow } from './run.ts';

const START_MILLISECONDS = 600_000;

export type Moto = Awaited<ReturnType<typeof startMoto>>;

/** Starts moto, which mocks AWS on loopback. */
export async function startMoto(region = 'us-east-1') {
  const port = await findFreePort();
  const endpoint = `http://127.0.0.1:${port}`;
  // Its warnings, for example about unsupported resources, are covered by comments in the tests.
  const server = spawn(pythonTool('moto_server'), ['-H', '127.0.0.1', '-p', `${port}`], { stdio: 'ignore' });
  await waitFor(endpoint);
  const environment = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: region,
  };
  return {
    endpoint,
    environment,

    /** Runs the AWS CLI and returns its parsed JSON output. */
    async aws(...args: string[]) {
      const all = ['--endpoint-url', endpoint, '--region', region, '--output', 'json', ...args];
      const stdout = await runOrThrow(pythonTool('aws'), all, {
        environment: { PATH: process.env.PATH ?? '', ...environment },
      });
      return stdout === '' ? {} : JSON.parse(stdout);
    },

    async stop() {
      server.kill();
      await once(server, 'exit');
    },
  };
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('No free port');
  return address.port;
}

async function waitFor(endpoint: string): Promise<void> {
  const end = Date.now() + START_MILLISECONDS;
  while (Date.now() < end) {
    const isReady = await fetch(`${endpoint}/moto-api/`).then(
      () => true,
      () => false,
    );
    if (isReady) return;
    await sleep(100);
  }
  throw new Error(`moto does not respond at ${endpoint}`);
}
