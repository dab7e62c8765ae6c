import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A proxy for an AWS service that counts the calls of each operation. */
export interface CallCounter extends AsyncDisposable {
  /** `http://host:port` */
  origin: string;
  /** Number of calls by `X-Amz-Target`, for example `AmazonSQS.SendMessage`. */
  calls: Record<string, number>;
}

/**
 * @param target the service's origin
 * @param latencyMilliseconds added to each call
 */
export async function startCallCounter(target: string, latencyMilliseconds = 0): Promise<CallCounter> {
  const calls: Record<string, number> = {};
  const server = createServer({ keepAliveTimeout: 0 }, async (incoming, response) => {
    const operation = String(incoming.headers['x-amz-target']);
    calls[operation] = (calls[operation] ?? 0) + 1;
    const { method = '', url = '/', headers } = incoming;
    const outgoing = request(new URL(url, target), { method, headers }, (serviceResponse) => {
      response.writeHead(serviceResponse.statusCode ?? 502, serviceResponse.headers);
      serviceResponse.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    // Not the global setTimeout, which a test may fake.
    await sleep(latencyMilliseconds);
    incoming.pipe(outgoing);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
