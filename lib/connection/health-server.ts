import { once } from 'node:events';
import { createServer } from 'node:http';
import type { LongConnectionStatus } from '../feishu/long-connection/reconnector.ts';

/** The port that the container's health check uses. */
export const HEALTH_PORT = 8080;
/** The task is not replaced for a reconnection within this time. */
const RECONNECT_WITHIN_MILLISECONDS = 60_000;

/**
 * Serves the container's health check on the loopback address: 200 if the connection is healthy, otherwise 503.
 *
 * @param readStatus returns `undefined` before the connection exists
 * @throws if the port is in use
 */
export async function startHealthServer(
  readStatus: () => LongConnectionStatus | undefined,
  port: number,
): Promise<AsyncDisposable> {
  const server = createServer((_request, response) => {
    const status = readStatus();
    const isOk = status !== undefined && isHealthy(status, Date.now());
    response.writeHead(isOk ? 200 : 503, { 'content-type': 'application/json' }).end(JSON.stringify(status ?? {}));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * Returns whether the connection received a pong within two ping intervals, or has been reconnecting for less than a
 * minute. Events do not count, because a healthy connection may receive none for hours. Waiting for one of the app's
 * connections to become free is healthy for any time: the platform responds, and a new task would have to wait as well.
 * Meanwhile, the metric `ConnectionUp` is 0.
 *
 * @param now milliseconds since the epoch
 */
export function isHealthy(
  { state, disconnectedAt, lastFailure, lastPongAt, pingIntervalMs }: LongConnectionStatus,
  now: number,
): boolean {
  if (state === 'draining' || lastFailure === 'FEISHU_TOO_MANY_CONNECTIONS') return true;
  if (disconnectedAt !== undefined) return now - disconnectedAt < RECONNECT_WITHIN_MILLISECONDS;
  // A new connection has no pong yet. The client closes it if none arrives.
  return lastPongAt === undefined || now - lastPongAt < 2 * pingIntervalMs;
}
