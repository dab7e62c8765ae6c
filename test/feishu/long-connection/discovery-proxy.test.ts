import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { MockPlatform } from '../../mock-platform/platform.ts';
import { ConnectProxy } from '../../support/connect-proxy.ts';
import { connectClient, event, startClient, startPlatform, until } from './harness.ts';

const [DISCOVERY, EVENTS] = ['open.platform.example', 'events.platform.example'];
const DOMAIN = `https://${DISCOVERY}`;

describe('The long connection', () => {
  let proxy: ConnectProxy;
  let platform: MockPlatform;
  beforeAll(async () => {
    proxy = await ConnectProxy.start([DISCOVERY, EVENTS]);
  });
  beforeEach(async () => {
    platform = await startPlatform();
    proxy.targetPort = Number(new URL(platform.domain).port);
    // The platform's URL with this host, which only the proxy can reach.
    const response = await fetch(`${platform.domain}/callback/ws/endpoint`, { method: 'POST', body: '{}' });
    const { data } = (await response.json()) as { data: { URL: string } };
    const { pathname, search } = new URL(data.URL);
    platform.gateway.discovery = { url: `wss://${EVENTS}${pathname}${search}` };
    proxy.use();
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await proxy[Symbol.asyncDispose]();
  });

  test('goes through the proxy for discovery and for events', async () => {
    const { received } = await connectClient(platform, { domain: DOMAIN });
    expect(proxy.requests).toEqual([`${DISCOVERY}:443`, `${EVENTS}:443`]);
    platform.push(event('e1'));
    await until(() => received.length === 1);
  });

  test('authenticates to the proxy, and never logs the password', async () => {
    proxy.use({ https_proxy: `http://user:pass%20word@${proxy.host}` });
    const { logged } = await connectClient(platform, { domain: DOMAIN });
    const authorization = `Basic ${btoa('user:pass word')}`;
    expect(proxy.authorizations).toEqual([authorization, authorization]);
    proxy.behavior = 407;
    const other = startClient(platform, { domain: DOMAIN });
    await until(() => other.logged.length > 0);
    expect(JSON.stringify([...logged, ...other.logged])).not.toMatch(/pass.*word|dXNlcj/);
  });

  test.each([
    [407, '407 Rejected'],
    [502, '502 Rejected'],
  ])('names the proxy and the variable if the proxy responds with %i', async (status, reason) => {
    proxy.behavior = status;
    const { logged } = startClient(platform, { domain: DOMAIN });
    await until(() => logged.length > 0);
    expect(logged[0]?.message).toContain(reason);
    expect(logged[0]?.message).toContain(`, through the proxy ${proxy.host} set in HTTPS_PROXY (POST ${DOMAIN}`);
  });

  test('names the proxy and the variable if only the WebSocket is rejected', async () => {
    proxy.rejectedHost = EVENTS;
    const { logged } = startClient(platform, { domain: DOMAIN });
    await until(() => logged.length > 0);
    expect(logged[0]?.message).toMatch(
      /^Cannot connect to wss:\/\/events\.platform\.example\/ws\/v2: .* 403 Rejected, through/,
    );
    expect(logged[0]?.message).toContain(`, through the proxy ${proxy.host} set in HTTPS_PROXY.`);
  });

  test('names the proxy if it does not respond in time', async () => {
    proxy.behavior = 'silent';
    const { logged } = startClient(platform, { domain: DOMAIN, timing: { discoverWithinMs: 50 } });
    await until(() => logged.length > 0);
    // Two timers end at the same time.
    expect(logged[0]?.message).toMatch(/no response within 50 ms|timed out after 50ms/);
    expect(logged[0]?.message).toContain(`, through the proxy ${proxy.host} set in HTTPS_PROXY`);
  });

  test('names the proxy if it cannot be reached', async () => {
    proxy.use({ ALL_PROXY: 'http://127.0.0.1:1' });
    const { logged } = startClient(platform, { domain: DOMAIN });
    await until(() => logged.length > 0);
    expect(logged[0]?.message).toContain('ECONNREFUSED 127.0.0.1:1, through the proxy 127.0.0.1:1 set in ALL_PROXY');
  });

  test('names a variable that is not the URL of an HTTP proxy', async () => {
    proxy.use({ HTTPS_PROXY: 'socks5://user:secret@127.0.0.1:1080' });
    const { logged } = startClient(platform, { domain: DOMAIN });
    await until(() => logged.length > 0);
    expect(logged[0]?.message).toContain('HTTPS_PROXY is not the URL of an HTTP proxy');
    expect(JSON.stringify(logged)).not.toContain('secret');
  });

  test.each(['NO_PROXY', 'no_proxy'])('is direct for a host in %s', async (variable) => {
    proxy.use({ HTTPS_PROXY: `http://${proxy.host}`, [variable]: '.platform.example' });
    const { logged } = startClient(platform, { domain: DOMAIN });
    // The host does not exist outside the proxy.
    await until(() => logged.length > 0);
    expect(logged[0]?.message).not.toContain('through the proxy');
    expect(proxy.requests).toEqual([]);
  });

  test('is direct on loopback, whatever the variables say', async () => {
    const url = `http://${proxy.host}`;
    proxy.use({ HTTP_PROXY: url, HTTPS_PROXY: url, ALL_PROXY: url });
    platform.gateway.discovery = 'normal';
    await connectClient(platform);
    expect(proxy.requests).toEqual([]);
  });
});
