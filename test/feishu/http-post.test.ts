import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { httpPost } from '../../lib/feishu/http-post.ts';
import { ResponseTooLargeError } from '../../lib/feishu/response-text.ts';

async function startServer(listener: RequestListener): Promise<URL> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/path?a=b`);
}

function post(url: URL, signal = new AbortController().signal, maximumResponseBytes = 100) {
  const headers = { 'content-type': 'text/plain' };
  return httpPost(url, { agent: new Agent() }, { headers, body: '你好', maximumResponseBytes, signal });
}

test('a body is posted with its length, and the response is read', async () => {
  const requests: { request: IncomingMessage; text: string }[] = [];
  const url = await startServer(async (request, response) => {
    requests.push({ request, text: await readText(request) });
    response.writeHead(418).end('再见');
  });
  expect(await post(url)).toEqual({ status: 418, text: '再见' });
  expect(requests).toMatchObject([
    {
      text: '你好',
      request: {
        method: 'POST',
        url: '/path?a=b',
        headers: { 'content-type': 'text/plain', 'content-length': '6' },
      },
    },
  ]);
});

test('a response that is too large is an error, and its connection is closed', async () => {
  const closed = Promise.withResolvers<void>();
  const url = await startServer((_, response) => {
    response.once('close', closed.resolve);
    response.write('a'.repeat(101));
  });
  await expect(post(url)).rejects.toThrow(ResponseTooLargeError);
  await closed.promise;
});

test('a response that breaks off is an error', async () => {
  const url = await startServer((_, response) => {
    response.writeHead(200, { 'content-length': '10' }).write('a', () => response.destroy());
  });
  await expect(post(url)).rejects.toThrow('aborted');
});

test('nothing is sent if the signal has aborted', async () => {
  const requests: unknown[] = [];
  const url = await startServer((request, response) => {
    requests.push(request.url);
    response.end();
  });
  await expect(post(url, AbortSignal.abort('a reason'))).rejects.toBe('a reason');
  expect(requests).toEqual([]);
});

test.each([
  ['before the response', false],
  ['during the response', true],
])("the signal's reason ends the request %s, and closes its connection", async (_, responds) => {
  const arrived = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const url = await startServer((_request, response) => {
    response.once('close', closed.resolve);
    if (responds) response.write('a');
    arrived.resolve();
  });
  const stop = new AbortController();
  const posting = post(url, stop.signal);
  await arrived.promise;
  stop.abort('a reason');
  await expect(posting).rejects.toBe('a reason');
  await closed.promise;
});

test("the signal's reason ends a request that waits for a proxy", async () => {
  const sockets: Socket[] = [];
  const connected = Promise.withResolvers<void>();
  const proxy = createTcpServer((socket) => {
    sockets.push(socket);
    connected.resolve();
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  await once(proxy, 'listening');
  const agent = new HttpsAgent({
    proxyEnv: { HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` },
  });
  const stop = new AbortController();
  const posting = httpPost(
    new URL('https://open.example'),
    { agent },
    { headers: {}, body: '', maximumResponseBytes: 1, signal: stop.signal },
  );
  await connected.promise;
  stop.abort('a reason');
  await expect(posting).rejects.toBe('a reason');
});
