import { once } from 'node:events';
import { request } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ProxySettingError, routeTo } from '../../lib/feishu/route.ts';
import { useProxyVariables } from '../support/connect-proxy.ts';

const via = (url: string) => routeTo(new URL(url)).via;
const PROXY = 'http://user:pass%20word@proxy.example.com:3128';

describe('The route to a URL', () => {
  it.each([
    ['HTTPS_PROXY', 'https:'],
    ['https_proxy', 'wss:'],
    ['HTTP_PROXY', 'http:'],
    ['http_proxy', 'ws:'],
    ['ALL_PROXY', 'https:'],
    ['all_proxy', 'wss:'],
  ])('leads through the proxy of %s for %s', (variable, protocol) => {
    useProxyVariables({ [variable]: PROXY });
    expect(via(`${protocol}//open.feishu.cn/a`)).toBe(`, through the proxy proxy.example.com:3128 set in ${variable}`);
  });

  it.each([
    ['HTTPS_PROXY', 'http:'],
    ['HTTP_PROXY', 'wss:'],
  ])('is direct with %s for %s', (variable, protocol) => {
    useProxyVariables({ [variable]: PROXY });
    expect(via(`${protocol}//open.feishu.cn/`)).toBe('');
  });

  it('is direct without a variable, or with an empty one', () => {
    useProxyVariables({});
    expect(via('https://open.feishu.cn/')).toBe('');
    useProxyVariables({ HTTPS_PROXY: '', NO_PROXY: '' });
    expect(via('https://open.feishu.cn/')).toBe('');
  });

  it('prefers the lower case, and the variable of the protocol', () => {
    useProxyVariables({ https_proxy: 'http://a', HTTPS_PROXY: 'http://b', all_proxy: 'http://c' });
    expect(via('https://open.feishu.cn/')).toBe(', through the proxy a set in https_proxy');
  });

  it.each([
    'localhost',
    'LOCALHOST',
    'localhost.',
    'app.localhost',
    '127.0.0.1',
    '127.1.2.3',
    '2130706433',
    '[::1]',
    '[::ffff:127.0.0.1]',
  ])('is direct for the loopback address %s', (host) => {
    useProxyVariables({ HTTP_PROXY: PROXY, HTTPS_PROXY: PROXY, ALL_PROXY: PROXY, NO_PROXY: 'example.com' });
    for (const protocol of ['http:', 'https:', 'ws:', 'wss:']) expect(via(`${protocol}//${host}:3000/`)).toBe('');
  });

  it.each(['localhost.example.com', '128.0.0.1', '[::2]', 'notlocalhost'])('is not direct for %s', (host) => {
    useProxyVariables({ HTTPS_PROXY: PROXY });
    expect(via(`https://${host}/`)).not.toBe('');
  });

  it.each(['NO_PROXY', 'no_proxy'])('is direct for the hosts in %s', (variable) => {
    useProxyVariables({ HTTPS_PROXY: PROXY, [variable]: 'open.feishu.cn, .example.com,10.0.0.1:8443' });
    const isDirect = (url: string) => via(url) === '';
    const direct = ['https://open.feishu.cn/', 'wss://a.example.com/', 'https://10.0.0.1:8443/'];
    expect(direct.map(isDirect)).toEqual([true, true, true]);
    expect(['https://msg.feishu.cn/', 'https://10.0.0.1/'].map(isDirect)).toEqual([false, false]);
    useProxyVariables({ HTTPS_PROXY: PROXY, [variable]: '*' });
    expect(via('https://msg.feishu.cn/')).toBe('');
  });

  it('has a time limit for the proxy to connect', async () => {
    await using proxy = createServer().listen(0, '127.0.0.1');
    const sockets: Socket[] = [];
    proxy.on('connection', (socket) => sockets.push(socket));
    await once(proxy, 'listening');
    useProxyVariables({ HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` });
    const url = new URL('https://open.feishu.cn/');
    const [error] = await once(request(url, { agent: routeTo(url, 50).agent }), 'error').catch((reason) => [reason]);
    expect(error.message).toContain('timed out after 50ms');
    for (const socket of sockets) socket.destroy();
  });

  it('takes an address without a scheme for an HTTP proxy', () => {
    useProxyVariables({ HTTPS_PROXY: '10.0.0.1:7890' });
    expect(via('https://open.feishu.cn/')).toBe(', through the proxy 10.0.0.1:7890 set in HTTPS_PROXY');
  });

  it('is an error that hides a password with a wrong escape sequence', () => {
    useProxyVariables({ HTTPS_PROXY: 'http://user:100%secret@proxy.example.com' });
    expect(() => via('https://open.feishu.cn/')).toThrow(/^HTTPS_PROXY contains a % (?!.*secret)/);
  });

  it.each(['socks5://user:secret@10.0.0.1', 'http://user:secret@', 'http://user:secret@host:port'])(
    'is an error that hides the value %s',
    (value) => {
      useProxyVariables({ HTTPS_PROXY: value });
      expect(() => via('https://open.feishu.cn/')).toThrow(ProxySettingError);
      expect(() => via('https://open.feishu.cn/')).toThrow(/^HTTPS_PROXY is not the URL of an HTTP proxy(?!.*secret)/);
    },
  );
});
