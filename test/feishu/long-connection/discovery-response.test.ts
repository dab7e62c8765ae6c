import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { discover } from '../../../lib/feishu/long-connection/discovery.ts';
import { LongConnectionError } from '../../../lib/feishu/long-connection/errors.ts';
import { DEFAULT_SETTINGS } from '../../../lib/feishu/long-connection/settings.ts';

/** Starts a platform that sends this response; `undefined`: none. */
async function startServer(body?: string | object, status = 200) {
  const requests: { request: IncomingMessage; text: string }[] = [];
  const received = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    requests.push({ request, text: await readText(request) });
    received.resolve();
    if (body !== undefined) response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { domain: `http://${host}`, host, requests, received: received.promise };
}

function discoverAt(domain: string, signal = new AbortController().signal) {
  return discover({ appId: 'cli_1', appSecret: 'the secret', domain }, 60_000, signal);
}

async function failureAt(domain: string, signal?: AbortSignal): Promise<LongConnectionError> {
  const failure = await discoverAt(domain, signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(LongConnectionError);
  return failure as LongConnectionError;
}

const URL_TO_CONNECT_TO = 'wss://example.com/ws?service_id=7&ticket=t';

test('the request contains the credentials and the locale', async () => {
  const { domain, requests } = await startServer({ code: 0, data: { URL: URL_TO_CONNECT_TO } });
  await discoverAt(domain);
  const [{ request, text }] = requests as [(typeof requests)[0]];
  expect([request.method, request.url]).toEqual(['POST', '/callback/ws/endpoint']);
  expect(request.headers).toMatchObject({ locale: 'zh', 'content-type': 'application/json; charset=utf-8' });
  expect(JSON.parse(text)).toEqual({ AppID: 'cli_1', AppSecret: 'the secret' });
});

test('the endpoint is read from the response', async () => {
  const { domain } = await startServer({
    code: 0,
    data: { URL: URL_TO_CONNECT_TO, ClientConfig: { PingInterval: 5 } },
  });
  const { url, serviceId, settings } = await discoverAt(domain);
  expect(url.href).toBe(URL_TO_CONNECT_TO);
  expect(serviceId).toBe(7);
  expect(settings).toEqual({ ...DEFAULT_SETTINGS, pingIntervalMs: 5000 });
});

test('the default settings apply if the response contains none', async () => {
  const { domain } = await startServer({ code: 0, data: { URL: URL_TO_CONNECT_TO } });
  expect((await discoverAt(domain)).settings).toEqual(DEFAULT_SETTINGS);
});

test.each([
  [514, 'FEISHU_LOGIN_REFUSED'],
  [1000040350, 'FEISHU_TOO_MANY_CONNECTIONS'],
  [1, 'FEISHU_CONNECTION_FAILED'],
])('the code %i causes %s with the message of the platform, whatever the HTTP status', async (code, expected) => {
  for (const status of [200, 403, 502]) {
    const { domain } = await startServer({ code, msg: 'the words' }, status);
    const failure = await failureAt(domain);
    expect(failure.code).toBe(expected);
    expect(failure.message).toMatch(`${code} "the words"`);
  }
});

test('a code without a message is an error too', async () => {
  const { domain } = await startServer({ code: 514 });
  expect((await failureAt(domain)).message).toMatch('514 ""');
});

test.each<[string, string | object, number, string]>([
  ['not JSON', '<html>', 502, 'HTTP 502'],
  ['empty', '', 200, 'HTTP 200'],
  ['not an object', 'null', 200, 'HTTP 200'],
  ['a list', '[]', 200, 'HTTP 200'],
  ['without a code', {}, 299, 'HTTP 299'],
  ['with a code that is not a number', { code: '0' }, 400, 'HTTP 400'],
  ['without data', { code: 0 }, 200, 'contains no connection URL'],
  ['without a URL', { code: 0, data: {} }, 200, 'contains no connection URL'],
  ['with an invalid URL', { code: 0, data: { URL: 'somewhere' } }, 200, 'contains no connection URL'],
])('a response that is %s is an error that names the address', async (_, body, status, expected) => {
  const { domain, host } = await startServer(body, status);
  const failure = await failureAt(domain);
  expect(failure.code).toBe('FEISHU_CONNECTION_FAILED');
  expect(failure.message).toMatch(expected);
  expect(failure.message).not.toMatch('redirect');
  expect(failure.message).toMatch(`POST http://${host}/callback/ws/endpoint`);
});

test.each([300, 399])('the status %i is a redirect', async (status) => {
  const { domain } = await startServer({ code: 0, data: { URL: URL_TO_CONNECT_TO } }, status);
  expect((await failureAt(domain)).message).toMatch(`HTTP ${status}, a redirect`);
});

test('a URL that is not encrypted is an error', async () => {
  const { domain } = await startServer({ code: 0, data: { URL: 'ws://example.com/ws' } });
  expect((await failureAt(domain)).code).toBe('FEISHU_ADDRESS_INSECURE');
});

test.each(['http://open.feishu.cn', 'open.feishu.cn'])(
  'the domain %s is an error that names the variable',
  async (domain) => {
    const failure = await failureAt(domain);
    expect(failure.code).toBe('FEISHU_ADDRESS_INSECURE');
    expect(failure.message).toMatch('FEISHU_DOMAIN');
  },
);

test('a connection that is refused is an error with its reason', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const failure = await failureAt(`http://127.0.0.1:${port}`);
  expect(failure.code).toBe('FEISHU_CONNECTION_FAILED');
  expect(failure.message).toMatch('ECONNREFUSED');
  expect(failure.cause).toBeInstanceOf(Error);
});

test.each([
  ['an error', undefined, 'AbortError'],
  ['something else', 'a reason', 'the request failed'],
])('a signal that aborts with %s ends the request', async (_, reason, expected) => {
  const { domain, received } = await startServer();
  const controller = new AbortController();
  const failing = failureAt(domain, controller.signal);
  await received;
  controller.abort(reason);
  const failure = await failing;
  expect(failure.code).toBe('FEISHU_CONNECTION_FAILED');
  expect(failure.message).toMatch(expected);
});
