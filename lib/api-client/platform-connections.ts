import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import { EarlyConnections } from '../util/early-connections.ts';

/**
 * Less than servers usually keep an idle connection. Measured by the clock: on Lambda, timers stop while the function is
 * frozen, and the first call after that must not fail because the platform has closed the connection.
 */
const KEPT_MILLISECONDS = 30_000;

// The oldest connection is used first, because Node skips closed ones only at the beginning of its list. Without
// `proxyEnv`, for which axios would replace the agents by its own, they connect directly.
const OPTIONS = { keepAlive: true, scheduling: 'fifo' } as const;
const httpAgent = new HttpAgent(OPTIONS);
const httpsAgent = new HttpsAgent(OPTIONS);

/** Rehearses calls in the init phase. */
export const earlyConnections = new EarlyConnections({ httpAgent, httpsAgent }, KEPT_MILLISECONDS);

const idleSince = new WeakMap<object, number>();
for (const agent of [httpAgent, httpsAgent]) {
  // An error of the official SDK contains the agent. Its JSON must not contain the connections.
  Object.defineProperty(agent, 'toJSON', { value: () => undefined });
  agent.on('free', (socket: Socket) => idleSince.set(socket, Date.now()));
}

/** Returns the agents of direct connections to the platform. Calls share them, and they stay open for 30 s. */
export function directAgents() {
  const oldest = Date.now() - KEPT_MILLISECONDS;
  for (const agent of [httpAgent, httpsAgent]) {
    for (const socket of Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? [])) {
      if ((idleSince.get(socket) ?? 0) < oldest) socket.destroy();
    }
  }
  return { httpAgent, httpsAgent };
}
