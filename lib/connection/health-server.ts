import { once } from 'node:events';
import { createServer } from 'node:http';
import type { LongConnectionStatus } from '../feishu/long-connection/reconnector.ts';

/** Where the container's health check asks. */
export const HEALTH_PORT = 8080;
/** A reconnection within this time is nothing to replace the task for. */
const RECONNECT_WITHIN_MILLISECONDS = 60_000;

/**
 * Answers the container's health check, on loopback, with 200 while the connection is healthy and 503 otherwise.
 *
 * @param readStatus gives `undefined` while there is no connection to ask
 * @throws when the port is taken
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
 * Healthy is a connection whose last pong is younger than two ping intervals, or one that is being opened again for
 * less than a minute. The last event says nothing: a healthy connection can be without one for hours. To wait for one
 * of the app's connections to become free is healthy, too, however long it takes: the platform answers, and the task
 * that would replace this one would have to wait as well. The metric `ConnectionUp` is 0 all the while.
 *
 * @param now milliseconds since the epoch
 */
export function isHealthy(
  { state, disconnectedAt, lastFailure, lastPongAt, pingIntervalMs }: LongConnectionStatus,
  now: number,
): boolean {
  if (state === 'draining' || lastFailure === 'FEISHU_TOO_MANY_CONNECTIONS') return true;
  if (disconnectedAt !== undefined) return now - disconnectedAt < RECONNECT_WITHIN_MILLISECONDS;
  // One that has just opened has no pong yet, and is given up by itself when none comes.
  return lastPongAt === undefined || now - lastPongAt < 2 * pingIntervalMs;
}
