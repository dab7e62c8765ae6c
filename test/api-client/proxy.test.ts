import { inspect } from 'node:util';
import type { Client } from '@larksuiteoapi/node-sdk';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLazyClient } from '../../lib/api-client/feishu-client.ts';
import { errorFields } from '../../lib/observability/error-fields.ts';
import { createLogCapture } from '../../lib/testing/captured-log.ts';
import { ConnectProxy } from '../support/connect-proxy.ts';
import { PlatformApi } from '../support/platform-api.ts';

const HOST = 'open.platform.example';
const time = { remainingMilliseconds: () => 60_000, signal: new AbortController().signal };

describe('The feishu client', () => {
  let proxy: ConnectProxy;
  let platform: PlatformApi;
  beforeAll(async () => {
    proxy = await ConnectProxy.start([HOST]);
  });
  beforeEach(async () => {
    platform = await PlatformApi.start();
    proxy.targetPort = Number(new URL(platform.environment.FEISHU_DOMAIN as string).port);
    proxy.use();
  });
  afterEach(() => platform[Symbol.asyncDispose]());
  afterAll(async () => {
    vi.unstubAllEnvs();
    await proxy[Symbol.asyncDispose]();
  });

  const createClient = (FEISHU_DOMAIN: string): Client =>
    createLazyClient({ ...platform.environment, FEISHU_DOMAIN }, createLogCapture().log, undefined, time);
  const send = (client: Client) =>
    client.im.message.create({
      params: { receive_id_type: 'chat_id' },
      data: { receive_id: 'oc_1', msg_type: 'text', content: '{"text":"hello"}' },
    });

  it.each(['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY'])(
    'calls the platform through the proxy of %s',
    async (variable) => {
      proxy.use({ [variable]: `http://user:password@${proxy.host}` });
      await send(createClient(`https://${HOST}`));
      expect(platform.sent).toEqual([{ tenant: 'own', text: 'hello' }]);
      // The token and the message.
      expect(proxy.requests).toEqual([`${HOST}:443`, `${HOST}:443`]);
      expect(proxy.authorizations[0]).toBe(`Basic ${btoa('user:password')}`);
    },
  );

  it.each(['127.0.0.1', '127.0.0.2', 'localhost'])('never calls %s through a proxy', async (host) => {
    const url = `http://${proxy.host}`;
    proxy.use({ HTTP_PROXY: url, HTTPS_PROXY: url, ALL_PROXY: url });
    const sending = send(createClient(`http://${host}:${proxy.targetPort}`));
    // The platform listens only on the first.
    if (host === '127.0.0.1') await sending;
    else await sending.catch(() => {});
    expect(proxy.requests).toEqual([]);
  });

  it.each(['NO_PROXY', 'no_proxy'])('does not use the proxy for a host in %s', async (variable) => {
    proxy.use({ HTTPS_PROXY: `http://${proxy.host}`, [variable]: HOST });
    // The host does not exist outside the proxy.
    await expect(send(createClient(`https://${HOST}`))).rejects.toThrow(/^(?!.*through the proxy)/);
    expect(proxy.requests).toEqual([]);
  });

  it.each([407, 502])('names the proxy and the variable if the proxy responds with %i', async (status) => {
    proxy.use({ HTTPS_PROXY: `http://user:password@${proxy.host}` });
    proxy.behavior = status;
    const error = await send(createClient(`https://${HOST}`)).catch((reason) => reason);
    expect(error.message).toMatch(
      new RegExp(`${status} Rejected, through the proxy ${proxy.host} set in HTTPS_PROXY$`),
    );
    for (const text of [JSON.stringify(errorFields(error)), JSON.stringify(error), inspect(error)]) {
      expect(text).not.toMatch(/password|dXNlcj/);
    }
  });

  it('names a variable that is not the URL of an HTTP proxy', async () => {
    proxy.use({ HTTPS_PROXY: 'socks5://127.0.0.1:1080' });
    await expect(send(createClient(`https://${HOST}`))).rejects.toThrow('HTTPS_PROXY is not the URL of an HTTP proxy');
  });
});
