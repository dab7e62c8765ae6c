import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { MockAccounts } from '../../mock-platform/accounts.ts';
import { MockAppConfiguration } from '../../mock-platform/app-configuration.ts';
import { ConnectProxy } from '../../support/connect-proxy.ts';
import { createProject, type TemporaryProject } from '../../support/project.ts';
import { start } from '../../support/run.ts';
import { wait } from '../../support/wait.ts';

// Runs the command as a process, with the platform's real addresses. A proxy leads them to the mock platform.

let project: TemporaryProject;
let accounts: MockAccounts;
let configuration: MockAppConfiguration;
let proxy: ConnectProxy;
let platform: Server;
beforeAll(async () => {
  [project, accounts, configuration, proxy] = await Promise.all([
    createProject(),
    MockAccounts.start(),
    MockAppConfiguration.start(),
    ConnectProxy.start(['accounts.feishu.cn', 'open.feishu.cn']),
  ]);
  accounts.appId = configuration.appId;
  platform = createServer((request, response) => {
    const origin = request.url?.startsWith('/oauth/') ? accounts.origin : configuration.origin;
    const { method, headers } = request;
    const forwarded = sendRequest(`${origin}${request.url}`, { method: method as string, headers }, (result) => {
      response.writeHead(result.statusCode ?? 502, result.headers);
      result.pipe(response);
    });
    request.pipe(forwarded);
  });
  await once(platform.listen(0, '127.0.0.1'), 'listening');
  proxy.targetPort = (platform.address() as AddressInfo).port;
  // This process trusts the proxy's certificate, among others.
  await writeFile(path.join(project.root, 'proxy.pem'), tls.getCACertificates('default').join('\n'));
});
afterAll(async () => {
  platform.closeAllConnections();
  platform.close();
  await Promise.all([project, accounts, configuration, proxy].map((part) => part[Symbol.asyncDispose]()));
});
beforeEach(() => rm(path.join(project.root, '.env'), { force: true }));

function setup(...args: string[]) {
  return start(project.root, 'lib/tools/setup.ts', args, {
    HTTPS_PROXY: `http://${proxy.host}`,
    https_proxy: '',
    NODE_EXTRA_CA_CERTS: path.join(project.root, 'proxy.pem'),
  });
}

it('npm run setup creates an app and reports what was granted', async () => {
  configuration.granted = ['im:message.group_at_msg:readonly', 'im:message.p2p_msg:readonly', 'im:message:send_as_bot'];
  configuration.app = 99991672;
  const { code, output } = await setup().ended;
  expect(output).toContain(`✓ Created the app ${configuration.appId} on Feishu\n`);
  expect(output).toContain('✓ All scopes are granted\n');
  expect(output).toContain('write to your bot');
  expect(output).not.toContain(configuration.appSecret);
  expect(await readFile(path.join(project.root, '.env'), 'utf8')).toContain('\nFEISHU_DOMAIN=https://open.feishu.cn\n');
  expect(code).toBe(0);
});

it('Ctrl+C cancels npm run setup, and leaves no .env', async () => {
  accounts.polls = ['pending'];
  await using running = setup();
  await vi.waitFor(() => expect(running.output()).toContain('Open this link'), wait);
  running.process.kill('SIGINT');
  const { code, output } = await running.ended;
  expect(output).toMatch(/Cancelled\.\n$/);
  expect(code).toBe(130);
  await expect(readFile(path.join(project.root, '.env'))).rejects.toThrow('ENOENT');
});
