import type { LongConnectionStatus } from '../../lib/feishu/long-connection/reconnector.ts';

/** The status of a long connection without events in flight. */
export const CONNECTED: LongConnectionStatus = {
  state: 'connected',
  disconnectedAt: undefined,
  lastFailure: undefined,
  lastPongAt: undefined,
  pingIntervalMs: 120_000,
  reconnects: 0,
  inFlight: 0,
};
