import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { runConnection } from '../../lib/connection/connection.ts';
import { pollOnlineConnections } from '../../lib/connection/poll-online-connections.ts';
import { MockPlatform } from '../mock-platform/platform.ts';
import { wait } from '../support/wait.ts';
import { writtenLines } from '../support/written-output.ts';

const FIVE_MINUTES = 5 * 60_000;

afterEach(() => void vi.useRealTimers());

test("the program reports the platform's number of connections every five minutes", async () => {
  const platform = await MockPlatform.start();
  onTestFinished(() => platform.stop());
  platform.gateway.otherConnections = 1;
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const stop = new AbortController();
  const ended = runConnection(() => Promise.reject(new Error('No callback is expected')), stop.signal, {
    QUEUE_URL: 'http://127.0.0.1:9/1/events',
    FEISHU_APP_ID: 'cli_0123456789abcdef',
    FEISHU_APP_SECRET: 'secret-of-the-app',
    FEISHU_DOMAIN: platform.domain,
    HEALTH_PORT: '0',
  });
  await vi.waitFor(() => expect(platform.gateway.open).toHaveLength(1), wait);
  vi.advanceTimersByTime(FIVE_MINUTES);
  const counts = () => writtenLines().flatMap((line) => JSON.parse(line).PlatformConnections ?? []);
  await vi.waitFor(() => expect(counts()).toEqual([2]), wait);
  stop.abort();
  expect(await ended).toBe(0);
});

test('a failure has no consequence, and only the first one is logged', async () => {
  vi.useFakeTimers();
  const results = [
    () => Promise.reject(new Error('unreachable')),
    () => Promise.reject(new Error('again')),
    async () => 3,
  ];
  const reported: number[] = [];
  const warn = vi.fn();
  const log = { debug: vi.fn(), info: vi.fn(), warn, error: vi.fn() };
  const polling = pollOnlineConnections(
    () => (results.shift() as () => Promise<number>)(),
    (count) => reported.push(count),
    log,
  );
  for (let poll = 0; poll < 3; poll++) await vi.advanceTimersByTimeAsync(FIVE_MINUTES);
  polling[Symbol.dispose]();
  await vi.advanceTimersByTimeAsync(FIVE_MINUTES);
  expect(reported).toEqual([3]);
  expect(warn.mock.calls).toEqual([[expect.stringContaining('PlatformConnections'), { reason: 'unreachable' }]]);
});
