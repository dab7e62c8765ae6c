import { expect, onTestFinished, test, vi } from 'vitest';
import { connectClient, event, startClient, startPlatform, until } from './harness.ts';

test('the initial status is connecting, with no reconnects', async () => {
  const platform = await startPlatform();
  platform.gateway.discovery = 'silent';
  const before = Date.now();
  const { client } = startClient(platform);
  const status = client.status();
  expect(status).toEqual({
    state: 'connecting',
    disconnectedAt: expect.any(Number),
    lastFailure: undefined,
    lastPongAt: undefined,
    pingIntervalMs: 120_000,
    reconnects: 0,
    inFlight: 0,
  });
  expect(status.disconnectedAt).toBeGreaterThanOrEqual(before);
  expect(status.disconnectedAt).toBeLessThanOrEqual(Date.now());
});

test('a client that was never connected is disconnected since its start', async () => {
  const platform = await startPlatform();
  platform.gateway.discovery = { code: 1 };
  const { client } = startClient(platform);
  const { disconnectedAt } = client.status();
  await until(() => platform.gateway.discoveries.length >= 3);
  expect(client.status().disconnectedAt).toBe(disconnectedAt);
  expect(client.status().lastFailure).toBe('FEISHU_CONNECTION_FAILED');
});

test('each failed attempt is logged with its code and the number of failures since the last pong', async () => {
  const platform = await startPlatform();
  platform.gateway.discovery = { code: 1 };
  const { client, logged } = startClient(platform);
  const warnings = () => logged.filter(({ level }) => level === 'warn').map(({ fields }) => fields);
  await until(() => warnings().length >= 2);
  platform.gateway.discovery = 'normal';
  await until(() => client.status().lastPongAt !== undefined);
  const failed = warnings();
  expect(failed).toEqual(failed.map((_, index) => ({ code: 'FEISHU_CONNECTION_FAILED', failures: index + 1 })));
  platform.gateway.discovery = { code: 1 };
  platform.gateway.open[0]?.hangUp();
  await until(() => warnings().length >= failed.length + 2);
  expect(warnings().slice(failed.length, failed.length + 2)).toEqual([
    { code: undefined, failures: 1 },
    { code: 'FEISHU_CONNECTION_FAILED', failures: 2 },
  ]);
  const lost = logged.find(({ level, fields }) => level === 'warn' && fields.code === undefined);
  expect(lost?.message).toMatch(/^The connection was lost\. Next attempt in \d+ ms\.$/);
});

test.each([
  [0, 60_000],
  [0.5, 90_000],
])('the wait after too many connections is in the second half of the interval (%d: %i ms)', async (value, waitMs) => {
  stopRandom(value);
  const platform = await startPlatform();
  platform.gateway.discovery = { code: 1000040350 };
  const { logged } = startClient(platform);
  await until(() => logged.length > 0);
  expect(logged[0]?.message).toContain(` Next attempt in ${waitMs} ms.`);
});

test('the platform spreads the clients that return after it closed their connections', async () => {
  stopRandom(0.5);
  const platform = await startPlatform();
  platform.gateway.clientConfig.ReconnectNonce = 30;
  const { logged } = await connectClient(platform);
  platform.gateway.open[0]?.close();
  await until(() => warningsOf(logged).length > 0);
  expect(warningsOf(logged)).toEqual(['The platform closed the connection. Next attempt in 15000 ms.']);
});

test('a connection that is lost otherwise is opened again without the nonce', async () => {
  stopRandom(0.5);
  const platform = await startPlatform();
  platform.gateway.clientConfig.ReconnectNonce = 30;
  const { logged } = await connectClient(platform, { timing: { firstRetryWithinMs: 10 } });
  platform.gateway.open[0]?.hangUp();
  await until(() => platform.gateway.connections[1]?.pings.length === 1);
  expect(warningsOf(logged)).toEqual(['The connection was lost. Next attempt in 5 ms.']);
});

test('the nonce applies only to the first attempt', async () => {
  stopRandom(0.5);
  const platform = await startPlatform();
  platform.gateway.clientConfig.ReconnectNonce = 0.02;
  const { logged } = await connectClient(platform, { timing: { firstRetryWithinMs: 8 } });
  platform.gateway.discovery = 'hang up';
  platform.gateway.open[0]?.close();
  await until(() => warningsOf(logged).length >= 2);
  expect(warningsOf(logged)[0]).toMatch(/ 10 ms\.$/);
  expect(warningsOf(logged)[1]).toMatch(/ 8 ms\.$/);
});

test('an unexpected error ends the client instead of being retried', async () => {
  const platform = await startPlatform();
  const bug = new TypeError('a bug');
  const parse = vi.spyOn(URL, 'parse').mockImplementationOnce(() => {
    throw bug;
  });
  onTestFinished(() => parse.mockRestore());
  const { client, ended } = startClient(platform);
  expect(await ended).toBe(bug);
  expect(client.status().state).toBe('ended');
});

test('a connection without a pong does not reset the number of failures', async () => {
  const platform = await startPlatform();
  platform.gateway.upgrade = 'hang up once open';
  const { logged } = startClient(platform);
  const failures = () => logged.filter(({ level }) => level === 'warn').map(({ fields }) => fields.failures);
  await until(() => failures().length >= 3);
  expect(failures().slice(0, 3)).toEqual([1, 2, 3]);
});

test('stopping logs the number of events in flight', async () => {
  const platform = await startPlatform();
  const queue = Promise.withResolvers<undefined>();
  const { client, ended, logged, stop } = await connectClient(platform, { receive: () => queue.promise });
  platform.push(event('e1'));
  await until(() => client.status().inFlight === 1);
  stop();
  expect(logged).toContainEqual({ level: 'info', message: expect.stringMatching(/event/), fields: { inFlight: 1 } });
  queue.resolve(undefined);
  expect(await ended).toBe('stopped');
});

test('events are acknowledged if no callback is set', async () => {
  const platform = await startPlatform();
  await connectClient(platform, { acknowledged: undefined as never });
  const delivery = platform.push(event('e1'));
  await delivery.settled;
  expect(delivery.responses).toEqual([{ code: 200 }]);
});

/** Makes every random number the same. */
function stopRandom(value: number): void {
  const random = vi.spyOn(Math, 'random').mockReturnValue(value);
  onTestFinished(() => random.mockRestore());
}

function warningsOf(logged: readonly { level: string; message: string }[]): string[] {
  return logged.filter(({ level }) => level === 'warn').map(({ message }) => message);
}
