import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createLazyClient } from '../../lib/api-client/feishu-client.ts';
import { loadSdk } from '../../lib/api-client/load-sdk.ts';
import { earlyConnections } from '../../lib/api-client/platform-connections.ts';
import { primeClient, rehearseCall } from '../../lib/api-client/prime-client.ts';
import { createLogCapture } from '../../lib/testing/captured-log.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { PlatformApi } from '../support/platform-api.ts';
import { wait } from '../support/wait.ts';
import { writtenLines } from '../support/written-output.ts';

const TOKEN = '/open-apis/auth/v3/tenant_access_token/internal';
const aws = emulatedAws();
const time = { remainingMilliseconds: () => 60_000, signal: new AbortController().signal };

/** Fetching may take longer than the limit on a busy machine. */
function withoutTimeLimits(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  onTestFinished(() => void vi.useRealTimers());
}

/** Prepares the client, as the worker does in the init phase. */
async function prime(environment: Record<string, string | undefined>, dynamo = new DynamoDBClient()): Promise<void> {
  await primeClient({ ...aws.environment, ...environment }, dynamo);
}

/** Sends a message, as a handler does for each event. */
async function send(environment: Record<string, string>): Promise<void> {
  const client = createLazyClient(environment, createLogCapture().log, undefined, time);
  await client.im.message.create({
    params: { receive_id_type: 'chat_id' },
    data: { receive_id: 'oc_1', msg_type: 'text', content: '{"text":"hello"}' },
  });
}

/** The platform does not stop while a connection is open that no call has used. */
const useConnection = (platform: PlatformApi) => send(platform.environment);

it('fetches the token that the clients of all events then use', async () => {
  withoutTimeLimits();
  await using platform = await PlatformApi.start();
  await prime(platform.environment);
  expect(platform.calls).toEqual([TOKEN]);
  await send(platform.environment);
  await send(platform.environment);
  expect(platform.calls.filter((call) => call === TOKEN)).toHaveLength(1);
  expect(platform.sent).toHaveLength(2);
  expect(writtenLines()).toEqual([]);
});

it('fetches the token again once it has expired', async () => {
  withoutTimeLimits();
  await using platform = await PlatformApi.start();
  await prime(platform.environment);
  vi.setSystemTime(Date.now() + 2 * 60 * 60 * 1000);
  await send(platform.environment);
  expect(platform.calls.filter((call) => call === TOKEN)).toHaveLength(2);
});

it('sends nothing for a store app, whose tokens belong to tenants', async () => {
  await using platform = await PlatformApi.start();
  await prime({ ...platform.environment, FEISHU_APP_TYPE: 'store' });
  expect(platform.calls).toEqual([]);
  await useConnection(platform);
});

it('sends nothing without the credentials of the app', async () => {
  await using platform = await PlatformApi.start();
  await prime({ FEISHU_DOMAIN: platform.environment.FEISHU_DOMAIN });
  expect(platform.calls).toEqual([]);
});

it('rehearses a reply, which does not leave the process', async () => {
  await using platform = await PlatformApi.start();
  const request = vi.spyOn(loadSdk().defaultHttpInstance, 'request');
  onTestFinished(() => request.mockRestore());
  await rehearseCall(platform.environment);
  const [rehearsed] = request.mock.calls.flat();
  const response = await request.mock.results[0]?.value;
  const calls = [...platform.calls];
  await useConnection(platform);
  expect(rehearsed).toMatchObject({
    url: `${platform.environment.FEISHU_DOMAIN}/open-apis/im/v1/messages/rehearsal/reply`,
    headers: { Authorization: 'Bearer rehearsal' },
  });
  expect([response.data, calls, writtenLines()]).toEqual([{ code: 0 }, [], []]);
});

it('asks DynamoDB for the token before it blocks the process', async () => {
  withoutTimeLimits();
  await using platform = await PlatformApi.start();
  const steps: string[] = [];
  const dynamo = new DynamoDBClient();
  dynamo.middlewareStack.add(
    (next, { commandName }) =>
      (sent) => {
        steps.push(`${commandName}`);
        return next(sent);
      },
    { step: 'deserialize', priority: 'low' },
  );
  const rehearsal = vi.spyOn(earlyConnections, 'rehearsalAgents').mockImplementation(() => {
    steps.push('rehearsal');
    throw new Error('ends the rehearsal');
  });
  onTestFinished(() => rehearsal.mockRestore());
  await prime(platform.environment, dynamo);
  expect(steps).toEqual(['GetItemCommand', 'rehearsal', 'PutItemCommand']);
});

it('leaves it to the first call to report wrong credentials', async () => {
  withoutTimeLimits();
  await using platform = await PlatformApi.start();
  const environment = { ...platform.environment, FEISHU_APP_SECRET: 'the wrong secret' };
  await prime(environment);
  expect(platform.calls).toEqual([TOKEN]);
  expect(writtenLines()).toEqual([]);
  await expect(send(environment)).rejects.toThrow('app secret invalid');
});

it('opens the connection that the first call uses, and sends nothing over it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const connections: Socket[] = [];
  let requests = 0;
  const server = createHttpServer((_, response) => {
    requests += 1;
    response.setHeader('content-type', 'application/json').end('{"code":0,"tenant_access_token":"t-1","expire":7200}');
  }).on('connection', (socket) => void connections.push(socket));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const FEISHU_DOMAIN = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const environment = { FEISHU_APP_ID: 'cli_early', FEISHU_APP_SECRET: 'a secret', FEISHU_DOMAIN };
  await rehearseCall(environment);
  expect(requests).toBe(0);
  await send(environment);
  expect(requests).toBe(2);
  expect(connections).toHaveLength(1);
});

it('does not use a connection that was opened more than 30 s ago', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  onTestFinished(() => void vi.useRealTimers());
  await using platform = await PlatformApi.start();
  const sockets: Socket[] = [];
  const { port } = new URL(platform.environment.FEISHU_DOMAIN ?? '');
  const forwarder = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    const target = connect(Number(port), '127.0.0.1').on('error', () => {});
    socket.on('close', () => target.destroy());
    socket.pipe(target).pipe(socket);
  });
  await once(forwarder.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    forwarder.close();
  });
  const FEISHU_DOMAIN = `http://127.0.0.1:${(forwarder.address() as AddressInfo).port}`;
  const environment = { ...platform.environment, FEISHU_DOMAIN };
  await rehearseCall(environment);
  await vi.waitFor(() => expect(sockets).toHaveLength(1), wait);
  vi.setSystemTime(Date.now() + 31_000);
  await send(environment);
  expect(platform.sent).toHaveLength(1);
  expect(sockets).toHaveLength(2);
});

it('ends if the platform does not respond', async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.on('error', () => {})));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const FEISHU_DOMAIN = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await prime({ FEISHU_APP_ID: 'cli_silent', FEISHU_APP_SECRET: 'a secret', FEISHU_DOMAIN });
  expect(writtenLines()).toEqual([]);
});
