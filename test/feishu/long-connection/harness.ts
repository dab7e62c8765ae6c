import { onTestFinished, vi } from 'vitest';
import type { Log } from '../../../lib/feishu/log.ts';
import { type LongConnectionOptions, maintainLongConnection } from '../../../lib/feishu/long-connection/reconnector.ts';
import type { Timing } from '../../../lib/feishu/long-connection/timing.ts';
import { type Clock, FakeClock } from '../../mock-platform/clock.ts';
import type { PlatformEvent } from '../../mock-platform/deliveries.ts';
import { MockPlatform } from '../../mock-platform/platform.ts';
import { wait } from '../../support/wait.ts';

export const APP_ID = 'cli_0123456789abcdef';
export const APP_SECRET = 'secret-of-the-app';

interface LogLine {
  level: keyof Log;
  message: string;
  fields: Readonly<Record<string, unknown>>;
}

/** Starts a mock platform that stops with the test. By default its clock stands still, so it waits for every response. */
export async function startPlatform(clock: Clock = new FakeClock(), random?: () => number): Promise<MockPlatform> {
  const platform = await MockPlatform.start(clock, random);
  onTestFinished(() => platform.stop());
  return platform;
}

/** Starts a client that stops with the test. Retries are fast, and no event times out on a busy machine. */
export function startClient(platform: MockPlatform, options: Partial<LongConnectionOptions> = {}) {
  const stop = new AbortController();
  const received: string[] = [];
  const logged: LogLine[] = [];
  const acknowledged: { tookMs: number; code: number }[] = [];
  const timing: Partial<Timing> = {
    firstRetryWithinMs: 5,
    closeWithinMs: 100,
    acknowledgeWithinMs: 600_000,
    ...options.timing,
  };
  const client = maintainLongConnection({
    appId: APP_ID,
    appSecret: APP_SECRET,
    domain: platform.domain,
    receive: async (text) => {
      received.push(text);
      return undefined;
    },
    acknowledged: (tookMs, code) => acknowledged.push({ tookMs, code }),
    log: logTo(logged),
    signal: stop.signal,
    ...options,
    timing,
  });
  const ended = client.ended.then(
    () => 'stopped' as const,
    (error: unknown) => error,
  );
  onTestFinished(async () => {
    stop.abort();
    await ended;
  });
  return { client, ended, received, logged, acknowledged, stop: () => stop.abort() };
}

/** Starts a client and waits for its connection. */
export async function connectClient(platform: MockPlatform, options: Partial<LongConnectionOptions> = {}) {
  const client = startClient(platform, options);
  await until(() => client.client.status().lastPongAt !== undefined);
  return client;
}

export function event(id: string, content: object = {}): PlatformEvent {
  return { id, text: JSON.stringify({ schema: '2.0', header: { event_id: id, event_type: 'some.type' }, ...content }) };
}

/** Waits until a condition is true. */
export function until(condition: () => boolean): Promise<void> {
  return vi.waitFor(
    () => {
      if (!condition()) throw new Error(`never became true: ${condition}`);
    },
    { ...wait, timeout: 120_000, interval: 2 },
  );
}

function logTo(lines: LogLine[]): Log {
  const write =
    (level: keyof Log) =>
    (message: string, fields = {}) => {
      lines.push({ level, message, fields });
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}
