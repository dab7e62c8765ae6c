import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createLazyClient } from '../../lib/api-client/feishu-client.ts';
import { createLogCapture } from '../../lib/testing/captured-log.ts';

const time = { remainingMilliseconds: () => 60_000, signal: new AbortController().signal };

it('calls of different events share a connection, unless it was idle for 30 s', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const used = new Set<Socket>();
  // The connection must not depend on how fast this machine is.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    used.add(request.socket);
    response.setHeader('content-type', 'application/json').end('{"code":0,"tenant_access_token":"t-1","expire":7200}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const FEISHU_DOMAIN = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const environment = { FEISHU_APP_ID: 'cli_kept', FEISHU_APP_SECRET: 'a secret', FEISHU_DOMAIN };
  const call = async () => {
    const client = createLazyClient(environment, createLogCapture().log, undefined, time);
    await client.im.chat.list();
    // The connection becomes free after the response.
    await new Promise(setImmediate);
  };
  await call();
  vi.setSystemTime(Date.now() + 29_000);
  await call();
  expect(used.size).toBe(1);
  vi.setSystemTime(Date.now() + 31_000);
  await call();
  expect(used.size).toBe(2);
});

it('the JSON of an error does not contain the connections', async () => {
  const environment = { FEISHU_APP_ID: 'cli_1', FEISHU_APP_SECRET: 'a secret', FEISHU_DOMAIN: 'http://127.0.0.1:1' };
  const client = createLazyClient(environment, createLogCapture().log, undefined, time);
  const error = await client.im.chat.list().catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'ECONNREFUSED', config: { proxy: false } });
  expect(JSON.stringify(error)).not.toMatch(/"https?Agent"|freeSockets/);
});
