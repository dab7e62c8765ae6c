import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands between a program and an AWS service, and counts the calls by their operation. */
export interface CallCounter extends AsyncDisposable {
  /** `http://host:port` */
  origin: string;
  /** By the name that AWS's JSON protocols give an operation, such as `AmazonSQS.SendMessage`. */
  calls: Record<string, number>;
}

/**
 * @param target the service's own origin
 * @param latencyMilliseconds what each call takes longer
 */
export async function startCallCounter(target: string, latencyMilliseconds = 0): Promise<CallCounter> {
  const calls: Record<string, number> = {};
  const server = createServer((incoming, response) => {
    const operation = String(incoming.headers['x-amz-target']);
    calls[operation] = (calls[operation] ?? 0) + 1;
    const { method = '', url = '/', headers } = incoming;
    const outgoing = request(new URL(url, target), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    setTimeout(() => incoming.pipe(outgoing), latencyMilliseconds);
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
