import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { post } from '../../lib/cli/post.ts';
import { postTo, UnexpectedResponse } from '../../lib/deploy/doctor/webhook.ts';

const REQUEST = { headers: {}, body: Buffer.from('{}') };

/** Starts an HTTP server that ends with the test. @returns its URL */
async function startServer(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Sends an endless response, until the client closes the connection. */
const endless: RequestListener = (_, response) => {
  const chunk = 'a'.repeat(65_536);
  const timer = setInterval(() => response.writableNeedDrain || response.write(chunk), 1);
  response.once('close', () => clearInterval(timer));
};

describe('A response', () => {
  it('is read with its status', async () => {
    const url = await startServer((_, response) => response.writeHead(418).end('tea'));
    expect(await post(url, REQUEST)).toMatchObject({ status: 418, body: 'tea' });
  });

  it('that is endless is rejected by npm run send after 1 MiB', async () => {
    const url = await startServer(endless);
    await expect(post(url, REQUEST)).rejects.toThrow('the response is larger than 1048576 bytes');
  });

  it('that is endless is rejected by the doctor after 1 MiB', async () => {
    const url = await startServer(endless);
    const error = await postTo(url, REQUEST).catch((reason) => reason);
    expect(error).toBeInstanceOf(UnexpectedResponse);
    expect(error.message).toBe('The response is not from the webhook: the response is larger than 1048576 bytes.');
  });

  it('that does not end in time is a timeout', async () => {
    const url = await startServer((_, response) => response.write('a'));
    await expect(post(url, REQUEST, 100)).rejects.toThrow(/No response from .* \(.*timeout/);
  });
});
