import { describe, expect, it } from 'vitest';
import { isHealthy } from '../../lib/connection/health-server.ts';
import type { LongConnectionStatus } from '../../lib/feishu/long-connection/reconnector.ts';

const now = 1_000_000_000;
const status = (changes: Partial<LongConnectionStatus>): LongConnectionStatus => ({
  state: 'connected',
  disconnectedAt: undefined,
  lastFailure: undefined,
  lastPongAt: now,
  pingIntervalMs: 120_000,
  reconnects: 0,
  inFlight: 0,
  ...changes,
});

describe('The long connection is healthy', () => {
  it.each<[string, boolean, Partial<LongConnectionStatus>]>([
    ['with a pong within two ping intervals', true, { lastPongAt: now - 239_000 }],
    ['before its first pong', true, { lastPongAt: undefined }],
    ['while it reconnects for less than a minute', true, { state: 'waiting', disconnectedAt: now - 59_000 }],
    [
      'while it waits for a free connection',
      true,
      { state: 'waiting', disconnectedAt: now - 999_000, lastFailure: 'FEISHU_TOO_MANY_CONNECTIONS' },
    ],
    ['while it stops', true, { state: 'draining', lastPongAt: now - 999_000 }],
    ['but not with an older pong', false, { lastPongAt: now - 240_000 }],
    ['but not if it reconnects for longer', false, { state: 'connecting', disconnectedAt: now - 60_000 }],
  ])('%s', (_, expected, changes) => {
    expect(isHealthy(status(changes), now)).toBe(expected);
  });
});
