import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Environment } from '../../lib/config.ts';
import { readConnectionCredentials } from '../../lib/connection/credentials.ts';

const APP = { FEISHU_APP_ID: 'cli_1', FEISHU_APP_SECRET: 'secret' };

test('the app logs in with its secret by default', () => {
  const credentials = { appId: 'cli_1', appSecret: 'secret', domain: 'https://open.feishu.cn' };
  expect(readConnectionCredentials(APP)).toEqual(credentials);
});

test('the file of an assertion is read for each login, and needs no secret', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-assertion-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'assertion');
  const { appSecret, domain, clientAssertion } = readConnectionCredentials({
    FEISHU_APP_ID: 'cli_1',
    FEISHU_DOMAIN: 'https://open.larksuite.com',
    FEISHU_CLIENT_ASSERTION_FILE: file,
    FEISHU_CLIENT_ASSERTION_PROXY: 'https://proxy.example.com/prefix',
  });
  expect({ appSecret, domain }).toEqual({ appSecret: '', domain: 'https://open.larksuite.com' });
  const read = () => clientAssertion?.('open.larksuite.com');
  await expect(read()).rejects.toThrow(file);
  for (const value of ['first', 'second']) {
    await writeFile(file, `${value}\n`);
    expect(await read()).toEqual({ value, proxy: new URL('https://proxy.example.com/prefix') });
  }
  await writeFile(file, '\n');
  await expect(read()).rejects.toThrow(`${file} is empty`);
});

test.each<[string, Environment, string]>([
  ['neither a secret nor an assertion', { FEISHU_APP_ID: 'cli_1' }, 'FEISHU_APP_SECRET is not set'],
  ['no app id', { FEISHU_CLIENT_ASSERTION_FILE: '/assertion' }, 'FEISHU_APP_ID is not set'],
  ...['http://proxy.example.com', 'proxy.example.com', 'https://user:password@proxy.example.com'].map(
    (proxy): [string, Environment, string] => [
      `the proxy ${proxy}`,
      { ...APP, FEISHU_CLIENT_ASSERTION_FILE: '/assertion', FEISHU_CLIENT_ASSERTION_PROXY: proxy },
      'FEISHU_CLIENT_ASSERTION_PROXY must be an https:// URL',
    ],
  ),
])('%s is rejected', (_, environment, message) => {
  expect(() => readConnectionCredentials(environment)).toThrow(
    expect.objectContaining({ code: 'FEISHU_MISCONFIGURED', message: expect.stringContaining(message) }),
  );
});
