import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
  request as sendRequest,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { vi } from 'vitest';
import { wait } from '../../support/wait.ts';
import { pythonTool } from './python.ts';
import { runOrThrow } from './run.ts';

/** A request to the emulator, which can be sent again. */
export interface RecordedRequest {
  method: string;
  /** With the query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export type Ministack = Awaited<ReturnType<typeof startMinistack>>;

const REGION = 'us-east-1';

/** The credentials of the account's root user. */
const ROOT_CREDENTIALS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };

/**
 * Starts ministack, which emulates AWS on loopback: it deploys the whole template, runs the functions with the Node of
 * this process, and checks each request's signature and permissions. Its data is in memory and a temporary folder.
 *
 * The requests pass through a proxy, which stands for what AWS has in front of its services: TLS, because the policies
 * of the queues deny requests without it, and DNS, because a stack's output names the HTTP API by its host.
 *
 * @param onRequest called with each request
 */
export async function startMinistack(onRequest: (request: RecordedRequest) => void = () => {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-ministack-'));
  const socketPath = path.join(folder, 'socket');
  const proxy = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    const { method = '', url = '', headers } = request;
    const body = await buffer(request).catch(() => undefined);
    if (body === undefined) return;
    const recorded = { method, path: url, headers, body };
    onRequest(recorded);
    await forward(socketPath, recorded, response);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  const endpoint = `http://127.0.0.1:${port}`;
  const server = spawn(
    pythonTool('python'),
    ['-m', 'hypercorn', '--bind', `unix:${socketPath}`, '--keep-alive', '75', 'ministack.app:app'],
    {
      // Nothing else is inherited: the functions inherit this environment.
      env: {
        PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`,
        HOME: folder,
        TMPDIR: folder,
        AUTH: 'true',
        LOG_LEVEL: 'WARNING',
        MINISTACK_HOST: '127.0.0.1',
        MINISTACK_REGION: REGION,
        GATEWAY_PORT: `${port}`,
        // Otherwise it listens on a fixed port, and looks for Docker.
        IOT_MTLS_ENABLED: '0',
        DOCKER_HOST: `unix://${folder}/no-docker`,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const exited = once(server, 'exit');
  const output = Promise.all([text(server.stdout), text(server.stderr)]);
  const hasExited = () => server.exitCode !== null || server.signalCode !== null;
  await vi.waitFor(async () => hasExited() || (await fetch(`${endpoint}/_ministack/health`)), wait);
  if (hasExited()) throw new Error(`ministack did not start:\n${(await output).join('')}`);

  /** Runs the AWS CLI and returns its parsed JSON output. */
  const awsAs = async (credentials: Record<string, string>, args: string[]) => {
    const environment = { PATH: process.env.PATH ?? '', ...credentials };
    const all = ['--endpoint-url', endpoint, '--region', REGION, '--output', 'json', ...args];
    const stdout = await runOrThrow(pythonTool('aws'), all, { environment });
    return stdout === '' ? {} : JSON.parse(stdout);
  };

  return {
    endpoint,
    environment: { AWS_ENDPOINT_URL: endpoint, AWS_REGION: REGION, ...ROOT_CREDENTIALS },

    /** For clients of the AWS SDK in this process. */
    sdkConfiguration: { endpoint, region: REGION, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } },

    aws: (...args: string[]) => awsAs(ROOT_CREDENTIALS, args),
    awsAs,

    async stop() {
      server.kill();
      await exited;
      proxy.closeAllConnections();
      proxy.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Forwards a request as a TLS endpoint would, and replaces the host of HTTP APIs in CloudFormation's responses. */
async function forward(
  socketPath: string,
  { method, path: target, headers, body }: RecordedRequest,
  response: ServerResponse,
): Promise<void> {
  const forwarded = sendRequest({
    socketPath,
    method,
    path: target,
    headers: { 'x-forwarded-proto': 'https', ...headers },
  });
  forwarded.on('error', () => response.destroy());
  response.once('close', () => forwarded.destroy());
  forwarded.end(body);
  const [answer] = (await once(forwarded, 'response').catch(() => [])) as [IncomingMessage?];
  if (answer === undefined) return;
  const { statusCode = 500, rawHeaders } = answer;
  if (!headers.authorization?.includes('/cloudformation/')) {
    answer.pipe(response.writeHead(statusCode, rawHeaders));
    return;
  }
  const origin = `http://${headers.host}/_aws/execute-api/$1/$$default`;
  const replaced = (await buffer(answer)).toString().replaceAll(/https:\/\/(\w+)\.execute-api\.[\w.-]+\.com/g, origin);
  response.writeHead(statusCode, { 'content-type': answer.headers['content-type'] }).end(replaced);
}
