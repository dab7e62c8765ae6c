import { expect, test } from 'vitest';
import { requireSecure, withoutQuery } from '../../../lib/feishu/long-connection/address.ts';

test.each([
  ['https://open.feishu.cn/path', 'https:'],
  ['wss://open.feishu.cn/path', 'wss:'],
  ['http://localhost:1/', 'https:'],
  ['http://127.0.0.1:1/', 'https:'],
  ['http://127.255.0.9/', 'https:'],
  ['ws://[::1]:1/', 'wss:'],
  ['ws://localhost/', 'wss:'],
] as const)('%s is accepted if %s is required', (url, protocol) => {
  expect(() => requireSecure(new URL(url), protocol)).not.toThrow();
});

test.each([
  ['http://open.feishu.cn/', 'https:', 'http://open.feishu.cn', 'http:'],
  ['wss://open.feishu.cn/', 'https:', 'wss://open.feishu.cn', 'http:'],
  ['ws://localhost/', 'https:', 'ws://localhost', 'http:'],
  ['http://localhost/', 'wss:', 'http://localhost', 'ws:'],
  ['ws://127.0.0.1.example.com/', 'wss:', 'ws://127.0.0.1.example.com', 'ws:'],
  ['ws://10.0.0.1:80/', 'wss:', 'ws://10.0.0.1', 'ws:'],
  ['ws://[::2]/', 'wss:', 'ws://[::2]', 'ws:'],
] as const)('%s is rejected with an explanation if %s is required', (url, protocol, shown, plain) => {
  expect(() => requireSecure(new URL(url), protocol)).toThrow(
    expect.objectContaining({
      code: 'FEISHU_ADDRESS_INSECURE',
      message: expect.stringMatching(
        new RegExp(`^${RegExp.escape(shown)}(:\\d+)? .* ${protocol}//\\. .* ${plain}//\\. .* FEISHU_DOMAIN `),
      ),
    }),
  );
});

test('a URL is logged without its query, which contains the ticket', () => {
  expect(withoutQuery(new URL('wss://example.com:8443/ws/v2?ticket=secret#part'))).toBe('wss://example.com:8443/ws/v2');
});
