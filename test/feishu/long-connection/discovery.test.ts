import { expect, test } from 'vitest';
import { discover } from '../../../lib/feishu/long-connection/discovery.ts';
import { APP_ID, APP_SECRET, startPlatform } from './harness.ts';

test.each([
  ['33554678', 33554678],
  ['-5', -5],
  ['99999999999', 0],
  ['1.5', 0],
  ['', 0],
  ['x', 0],
])('service_id %j of the URL is %j in pings, which want an int32', async (serviceId, expected) => {
  const { serviceId: actual } = await discoverUrl(`wss://example.com/ws?service_id=${serviceId}`);
  expect(actual).toBe(expected);
});

test('a fragment in the URL, which a WebSocket must not have, is dropped', async () => {
  const { url } = await discoverUrl('wss://example.com/ws?ticket=t#here');
  expect(url.href).toBe('wss://example.com/ws?ticket=t');
});

test('the settings of the platform are in milliseconds and within reason', async () => {
  const platform = await startPlatform();
  platform.gateway.clientConfig = {
    ReconnectCount: 1,
    ReconnectInterval: 0.001,
    ReconnectNonce: 30,
    PingInterval: 1e9,
  };
  const credentials = { appId: APP_ID, appSecret: APP_SECRET, domain: platform.domain };
  const { settings } = await discover(credentials, 1_000, new AbortController().signal);
  expect(settings).toEqual({ pingIntervalMs: 600_000, reconnectIntervalMs: 1_000 });
});

async function discoverUrl(url: string) {
  const platform = await startPlatform();
  platform.gateway.discovery = { url };
  const credentials = { appId: APP_ID, appSecret: APP_SECRET, domain: platform.domain };
  return discover(credentials, 1_000, new AbortController().signal);
}
