import { afterEach, expect, test, vi } from 'vitest';
import { type DiscoveryBehavior, loginRejected, SERVICE_ID } from '../../mock-platform/gateway.ts';
import { APP_ID, APP_SECRET, connectClient, event, startClient, startPlatform, until } from './harness.ts';

afterEach(() => void vi.useRealTimers());

/** Fakes only timers, so that sockets keep working. */
function useFakeTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
}

test('discovery sends the credentials and the locale', async () => {
  const platform = await startPlatform();
  await connectClient(platform);
  const [discovery] = platform.gateway.discoveries;
  expect(discovery?.headers).toMatchObject({
    locale: 'zh',
    'content-type': expect.stringMatching(/^application\/json/),
  });
  expect(JSON.parse(discovery?.body ?? '')).toEqual({ AppID: APP_ID, AppSecret: APP_SECRET });
});

test('the log says that the client is connected, and contains no secret, ticket or event', async () => {
  const platform = await startPlatform();
  platform.gateway.discovery = { code: 1 };
  const { logged, ended, stop } = startClient(platform);
  await until(() => logged.length > 0);
  platform.gateway.discovery = 'normal';
  await until(() => platform.gateway.open.length === 1);
  await platform.push(event('e1', { text: 'content of the event' })).settled;
  platform.gateway.open[0]?.hangUp();
  await until(() => platform.gateway.connections.length === 2);
  stop();
  await ended;
  const host = platform.domain.replace('http:', 'ws:');
  expect(logged).toContainEqual({ level: 'info', message: `Connected to ${host}/ws/v2`, fields: {} });
  expect(JSON.stringify(logged)).not.toMatch(/ticket=|content of the event|secret-of-the-app/);
});

test('a ping is sent when the connection opens, with the service id of the URL and zero ids', async () => {
  const platform = await startPlatform();
  const { client } = await connectClient(platform);
  expect(platform.gateway.connections[0]?.pings).toEqual([
    { SeqID: '0', LogID: '0', service: SERVICE_ID, method: 0, headers: [{ key: 'type', value: 'ping' }] },
  ]);
  expect(client.status()).toMatchObject({ state: 'connected', disconnectedAt: undefined, reconnects: 0, inFlight: 0 });
});

test('pings use the interval from the last pong', async () => {
  const platform = await startPlatform();
  platform.gateway.pong = Buffer.from('{"PingInterval":1}');
  const { client } = await connectClient(platform);
  expect(client.status().pingIntervalMs).toBe(1000);
  await until(() => platform.gateway.connections[0]?.pings.length === 2);
});

test.each([
  ['an empty pong', 'empty' as const],
  ['a pong that is not JSON', Buffer.from('pong')],
  ['a pong that is not an object', Buffer.from('null')],
  ['a pong with invalid settings', Buffer.from('{"PingInterval":-1,"ReconnectInterval":"soon"}')],
])('%s keeps the connection alive and the settings unchanged', async (_, pong) => {
  const platform = await startPlatform();
  platform.gateway.pong = pong;
  useFakeTimers();
  const { client } = await connectClient(platform);
  // Longer than the pong timeout, shorter than the interval.
  await vi.advanceTimersByTimeAsync(60_000);
  expect(client.status()).toMatchObject({ state: 'connected', pingIntervalMs: 120_000 });
  expect(platform.gateway.connections).toHaveLength(1);
});

test('without pongs the connection is replaced, even if events arrive', async () => {
  const platform = await startPlatform();
  platform.gateway.pong = 'none';
  const { logged } = startClient(platform, { timing: { pongWithinMs: 50 } });
  await until(() => platform.gateway.open.length === 1);
  const [first] = platform.gateway.connections;
  const pushTimer = setInterval(() => first?.isOpen && platform.push(event(crypto.randomUUID())), 5);
  await until(() => platform.gateway.connections.length === 2);
  clearInterval(pushTimer);
  expect(logged).toContainEqual(
    expect.objectContaining({ level: 'warn', message: expect.stringContaining('did not answer a ping') }),
  );
});

test('a half-open connection is detected and replaced', async () => {
  const platform = await startPlatform();
  useFakeTimers();
  const { client, received } = await connectClient(platform);
  platform.gateway.connections[0]?.freeze();
  await vi.advanceTimersByTimeAsync(120_000 + 15_000);
  await until(() => platform.gateway.connections.length === 2);
  await until(() => client.status().state === 'connected');
  const push = platform.gateway.connections[1]?.push(event('e1'));
  expect(await push).toEqual({ code: 200 });
  expect(received).toEqual([event('e1').text]);
  expect(client.status().reconnects).toBe(1);
});

test.each<[string, DiscoveryBehavior]>([
  ['busy (1)', { code: 1 }],
  ['busy (1) with data', { code: 1, withData: true }],
  ['an internal error (1000040343)', { code: 1000040343 }],
  ['an unknown code', { code: 1000040345, msg: 'system busy' }],
  ['HTTP 502 and HTML', { httpStatus: 502, body: '<html>Bad Gateway</html>' }],
  ['HTTP 200 and an empty body', { httpStatus: 200, body: '' }],
  ['HTTP 200 and null', { httpStatus: 200, body: 'null' }],
  ['success without data', { httpStatus: 200, body: '{"code":0}' }],
  ['success with an invalid URL', { url: 'somewhere' }],
  ['a closed connection', 'hang up'],
  ['silence', 'silent'],
])('discovery is retried after %s', async (_, behavior) => {
  const platform = await startPlatform();
  platform.gateway.discovery = behavior;
  const { client } = startClient(platform, { timing: { discoverWithinMs: 500 } });
  await until(() => platform.gateway.discoveries.length >= 3);
  platform.gateway.discovery = 'normal';
  await until(() => client.status().state === 'connected');
});

test.each([
  ['only a status', { httpStatus: 503, headers: {} }],
  ['busy', loginRejected('514', '1', 'busy')],
  ['an internal error', loginRejected('514', '1000040343', 'internal error')],
  ['an unknown code', loginRejected('418', '', 'teapot')],
  ['a redirect', { httpStatus: 302, headers: { Location: 'wss://elsewhere.invalid/' } }],
  ['a closed connection', 'hang up' as const],
  ['silence', 'silent' as const],
  ['a connection that closes once it is open', 'hang up once open' as const],
])('an upgrade is retried from discovery after %s', async (_, behavior) => {
  const platform = await startPlatform();
  platform.gateway.upgrade = behavior;
  const { client } = startClient(platform, { timing: { handshakeWithinMs: 500 } });
  await until(() => platform.gateway.upgrades >= 3);
  expect(platform.gateway.discoveries.length).toBeGreaterThanOrEqual(3);
  platform.gateway.upgrade = 'normal';
  await until(() => client.status().lastPongAt !== undefined);
});

test.each([
  ['forbidden (403)', { code: 403 }, 'custom app'],
  ['authentication failed (514)', { code: 514 }, 'FEISHU_APP_SECRET'],
  ['authentication failed (514) with data', { code: 514, withData: true }, 'FEISHU_APP_SECRET'],
  ['no credential (1000040344)', { code: 1000040344 }, 'FEISHU_APP_ID'],
  ['forbidden with an HTTP status', { httpStatus: 403, body: '{"code":403,"msg":"forbidden"}' }, 'custom app'],
])('after discovery fails with %s, the client ends with an error that says what to do', async (_, behavior, advice) => {
  const platform = await startPlatform();
  platform.gateway.discovery = behavior;
  const { client, ended } = startClient(platform);
  expect(await ended).toMatchObject({ code: 'FEISHU_LOGIN_REFUSED', message: expect.stringContaining(advice) });
  expect(client.status().state).toBe('ended');
  expect(platform.gateway.discoveries).toHaveLength(1);
});

test.each([
  ['403', { httpStatus: 403, headers: { 'Handshake-Status': '403', 'Handshake-Msg': 'forbidden' } }],
  ['514', { httpStatus: 403, headers: { 'Handshake-Status': '514' } }],
  ['514 and 1000040344', loginRejected('514', '1000040344', 'no credential')],
])('after an upgrade is rejected with %s, the client ends with an error that says what to do', async (_, behavior) => {
  const platform = await startPlatform();
  platform.gateway.upgrade = behavior;
  const { ended } = startClient(platform);
  expect(await ended).toMatchObject({ code: 'FEISHU_LOGIN_REFUSED', message: expect.stringContaining('?') });
  expect(platform.gateway.upgrades).toBe(1);
});

test('a login that is rejected later also ends the client', async () => {
  const platform = await startPlatform();
  const { ended } = await connectClient(platform);
  platform.gateway.discovery = { code: 514 };
  platform.gateway.connections[0]?.hangUp();
  expect(await ended).toMatchObject({ code: 'FEISHU_LOGIN_REFUSED' });
});

test('after too many connections, the client logs it, waits for about the interval of the platform and connects', async () => {
  const platform = await startPlatform();
  platform.gateway.clientConfig.ReconnectInterval = 1;
  platform.gateway.connectionLimit = 1;
  await connectClient(platform);
  const { client, logged } = startClient(platform);
  await until(() => client.status().state === 'waiting');
  expect(logged).toEqual([
    {
      level: 'warn',
      message: expect.stringMatching(/too many connections.* Next attempt in (1000|[5-9]\d\d) ms/),
      fields: expect.objectContaining({ code: 'FEISHU_TOO_MANY_CONNECTIONS' }),
    },
  ]);
  expect(client.status().lastFailure).toBe('FEISHU_TOO_MANY_CONNECTIONS');
  platform.gateway.connectionLimit = 2;
  await until(() => client.status().state === 'connected');
  expect(client.status().lastFailure).toBe(undefined);
  expect(platform.gateway.upgrades).toBe(3);
});

test('discovery may also report too many connections', async () => {
  const platform = await startPlatform();
  platform.gateway.discovery = { code: 1000040350 };
  const { client, logged } = startClient(platform);
  await until(() => client.status().state === 'waiting');
  expect(logged[0]?.fields.code).toBe('FEISHU_TOO_MANY_CONNECTIONS');
});

test('ReconnectCount is ignored: the client reconnects after every hang-up', async () => {
  const platform = await startPlatform();
  platform.gateway.clientConfig.ReconnectCount = 1;
  const { client } = await connectClient(platform);
  for (let lost = 1; lost <= 5; lost++) {
    platform.gateway.discovery = { code: 1 };
    platform.gateway.open[0]?.hangUp();
    const before = platform.gateway.discoveries.length;
    await until(() => platform.gateway.discoveries.length >= before + 2);
    platform.gateway.discovery = 'normal';
    await until(() => client.status().reconnects === lost);
  }
  expect(client.status()).toMatchObject({ state: 'connected', disconnectedAt: undefined });
});

test('a connection that is closed normally is replaced', async () => {
  const platform = await startPlatform();
  await connectClient(platform);
  platform.gateway.connections[0]?.close();
  await until(() => platform.gateway.connections.length === 2);
});

test('a message that is too large ends the connection but not the client', async () => {
  const platform = await startPlatform();
  await connectClient(platform);
  platform.gateway.connections[0]?.send(Buffer.alloc(17 * 1024 * 1024));
  await until(() => platform.gateway.connections.length === 2);
});

test('the status says since when there is no connection', async () => {
  const platform = await startPlatform();
  const before = Date.now();
  const { client } = await connectClient(platform);
  platform.gateway.discovery = 'silent';
  platform.gateway.connections[0]?.hangUp();
  await until(() => client.status().state !== 'connected');
  expect(client.status().disconnectedAt).toBeGreaterThanOrEqual(before);
  expect(client.status().lastPongAt).toBeGreaterThanOrEqual(before);
});

test.each(['http://open.feishu.cn', 'http://127.0.0.1.example.com', 'http://10.0.0.1', 'ftp://127.0.0.1', 'nonsense'])(
  'the app secret is not sent to %s',
  async (domain) => {
    const platform = await startPlatform();
    const { ended } = startClient(platform, { domain });
    expect(await ended).toMatchObject({
      code: 'FEISHU_ADDRESS_INSECURE',
      message: expect.stringContaining('FEISHU_DOMAIN'),
    });
  },
);

test.each(['ws://open.feishu.cn/ws/v2?ticket=t', 'http://127.0.0.1/', 'ws://localhost.example.com/?ticket=t'])(
  'the client does not connect to %s, even if discovery returns it',
  async (url) => {
    const platform = await startPlatform();
    platform.gateway.discovery = { url };
    const { ended } = startClient(platform);
    const error = await ended;
    expect(error).toMatchObject({ code: 'FEISHU_ADDRESS_INSECURE' });
    expect(String(error)).not.toContain('ticket');
  },
);

test.each(['localhost', '127.0.0.2'])('an unencrypted address is allowed on %s', async (hostname) => {
  const platform = await startPlatform();
  const domain = platform.domain.replace('127.0.0.1', hostname);
  const { client, ended } = startClient(platform, { domain });
  // 127.0.0.2 has no server here: only the attempt counts.
  await until(() => ['connected', 'waiting'].includes(client.status().state));
  expect(await Promise.race([ended, 'running'])).toBe('running');
});

test.each(['localhost', '127.0.0.1'])('ECONNREFUSED from %s is logged and retried', async (hostname) => {
  const platform = await startPlatform();
  const domain = platform.domain.replace('127.0.0.1', hostname);
  await platform.gateway.close();
  const { logged } = startClient(platform, { domain });
  await until(() => logged.length >= 3);
  expect(logged[0]).toMatchObject({ level: 'warn', message: expect.stringContaining('ECONNREFUSED') });
});
