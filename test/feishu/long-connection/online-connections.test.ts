import * as lark from '@larksuiteoapi/node-sdk';
import { expect, test } from 'vitest';
import { countOnlineConnections } from '../../../lib/feishu/long-connection/online-connections.ts';
import { APP_ID, APP_SECRET, connectClient, startPlatform } from './harness.ts';

test("the app's connections are counted, including those of other programs, as with the official client", async () => {
  const platform = await startPlatform();
  await connectClient(platform);
  platform.gateway.otherConnections = 2;
  expect(await countOnlineConnections(platform.domain, APP_ID, APP_SECRET)).toBe(3);
  const { domain } = platform;
  const client = new lark.Client({ appId: APP_ID, appSecret: APP_SECRET, domain, loggerLevel: lark.LoggerLevel.fatal });
  const response = await client.request({ method: 'GET', url: '/open-apis/event/v1/connection' });
  expect(response.data).toEqual({ online_instance_cnt: 3 });
});

test('a rejection says which request the platform rejected and why, without the secret', async () => {
  const platform = await startPlatform();
  platform.gateway.appSecret = 'another';
  await expect(countOnlineConnections(platform.domain, APP_ID, APP_SECRET)).rejects.toThrow(
    `The platform responded with 200, code 10014 "app secret invalid" (POST ${platform.domain}/open-apis/auth/v3/tenant_access_token/internal)`,
  );
});

test('a network error says which request failed', async () => {
  const platform = await startPlatform();
  const { domain } = platform;
  await platform.stop();
  await expect(countOnlineConnections(domain, APP_ID, APP_SECRET)).rejects.toThrow(/ECONNREFUSED.*\(POST http/);
});

test('the secret is not sent unencrypted to another machine', async () => {
  await expect(countOnlineConnections('http://open.feishu.cn', APP_ID, APP_SECRET)).rejects.toMatchObject({
    code: 'FEISHU_ADDRESS_INSECURE',
  });
});
