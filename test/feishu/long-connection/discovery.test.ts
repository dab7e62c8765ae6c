import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { discover } from '../../../lib/feishu/long-connection/discovery.ts';
import { APP_ID, APP_SECRET, startPlatform } from './harness.ts';

const WITHIN_MS = 60_000;

test.each([
  ['33554678', 33554678],
  ['-5', -5],
  ['99999999999', 0],
  ['1.5', 0],
  ['', 0],
  ['x', 0],
])('service_id %j in the URL becomes %j in pings, which require an int32', async (serviceId, expected) => {
  const { serviceId: actual } = await discoverUrl(`wss://example.com/ws?service_id=${serviceId}`);
  expect(actual).toBe(expected);
});

test('a fragment is removed from the URL, because WebSocket URLs must not have one', async () => {
  const { url } = await discoverUrl('wss://example.com/ws?ticket=t#here');
  expect(url.href).toBe('wss://example.com/ws?ticket=t');
});

test('the settings of the platform are converted to milliseconds and limited', async () => {
  const platform = await startPlatform();
  platform.gateway.clientConfig = {
    ReconnectCount: 1,
    ReconnectInterval: 0.001,
    ReconnectNonce: 30,
    PingInterval: 1e9,
  };
  const { settings } = await discoverAt(platform.domain);
  expect(settings).toEqual({ pingIntervalMs: 600_000, reconnectIntervalMs: 1_000, reconnectNonceMs: 30_000 });
});

test.each([301, 302, 303, 307, 308])(
  'a redirect with %i is not followed, so that the app secret goes nowhere else',
  async (status) => {
    const bodies: string[] = [];
    const elsewhere = await startServer(async (request, response) => {
      bodies.push(await readText(request));
      response.end('{"code":0,"data":{"URL":"wss://attacker.example/"}}');
    });
    const domain = await startServer((_, response) => {
      response.writeHead(status, { location: `${elsewhere}/callback/ws/endpoint` }).end();
    });
    await expect(discoverAt(domain)).rejects.toMatchObject({
      code: 'FEISHU_CONNECTION_FAILED',
      message: expect.stringContaining(`HTTP ${status}, a redirect`),
    });
    expect(bodies).toEqual([]);
  },
);

test('an endless response is read up to 64 KiB, and its connection is closed', async () => {
  const closed = Promise.withResolvers<void>();
  const domain = await startServer(async (_: IncomingMessage, response) => {
    await writeWithoutEnd(response, ' '.repeat(16_384), 1);
    closed.resolve();
  });
  await expect(discoverAt(domain)).rejects.toMatchObject({
    code: 'FEISHU_CONNECTION_FAILED',
    message: expect.stringContaining('the response is larger than 65536 bytes'),
  });
  await closed.promise;
});

test('the time limit covers the whole response', async () => {
  const domain = await startServer((_, response) => void writeWithoutEnd(response, ' ', 5));
  await expect(discoverAt(domain, 100)).rejects.toThrow('no response within 100 ms');
});

async function discoverUrl(url: string) {
  const platform = await startPlatform();
  platform.gateway.discovery = { url };
  return discoverAt(platform.domain);
}

function discoverAt(domain: string, withinMs = WITHIN_MS) {
  return discover({ appId: APP_ID, appSecret: APP_SECRET, domain }, withinMs, new AbortController().signal);
}

/** Starts an HTTP server that stops with the test. @returns its origin */
async function startServer(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Writes until the client closes the connection. */
async function writeWithoutEnd(response: ServerResponse, chunk: string, everyMs: number): Promise<void> {
  const timer = setInterval(() => response.writableNeedDrain || response.write(chunk), everyMs);
  await new Promise((resolve) => response.once('close', resolve));
  clearInterval(timer);
}
