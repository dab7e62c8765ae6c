import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { AwsRequestHandler } from '../../lib/util/aws-request-handler.ts';
import { NO_DEADLINES } from '../../lib/util/deadline.ts';

const REQUEST_TIMEOUT_MILLISECONDS = 1;

/** Sends a request to a server that responds when the promise resolves. */
async function request(response: Promise<unknown>) {
  await using server = createServer(async (_, outgoing) => {
    await response;
    outgoing.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => server.closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const handler = new AwsRequestHandler({
    requestTimeout: REQUEST_TIMEOUT_MILLISECONDS,
    throwOnRequestTimeout: true,
  });
  const sent = { method: 'GET', protocol: 'http:', hostname: '127.0.0.1', port, path: '/', headers: {}, query: {} };
  try {
    return await handler.handle(sent as never);
  } finally {
    handler.destroy();
    server.closeAllConnections();
  }
}

it('A request fails if its response is late', async () => {
  await expect(request(new Promise(() => {}))).rejects.toMatchObject({ name: 'TimeoutError' });
});

it('A response has no time limit under a debugger', async () => {
  onTestFinished(() => void vi.unstubAllEnvs());
  for (const [name, value] of Object.entries(NO_DEADLINES)) vi.stubEnv(name, value);
  expect(await request(sleep(100 * REQUEST_TIMEOUT_MILLISECONDS))).toMatchObject({ response: { statusCode: 200 } });
});
