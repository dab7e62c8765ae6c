import { type ChildProcess, spawn } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { MockPlatform } from '../../mock-platform/platform.ts';
import { APP_ID, APP_SECRET, connectClient, event, startClient, startPlatform, until } from './harness.ts';

test('twenty events in flight are acknowledged before the client closes', async () => {
  const platform = await startPlatform();
  const queue = Promise.withResolvers<undefined>();
  const { client, ended, stop } = await connectClient(platform, {
    receive: () => queue.promise,
    timing: { closeWithinMs: 600_000 },
  });
  const deliveries = Array.from({ length: 20 }, (_, index) => platform.push(event(`e${index}`)));
  await until(() => client.status().inFlight === 20);
  stop();
  expect(client.status().state).toBe('draining');
  queue.resolve(undefined);
  expect(await ended).toBe('stopped');
  await Promise.all(deliveries.map(({ settled }) => settled));
  expect(new Set(deliveries.map(({ state }) => state))).toEqual(new Set(['acknowledged']));
  expect(await platform.gateway.connections[0]?.closed).toBe(1000);
  expect(client.status()).toMatchObject({ state: 'ended', inFlight: 0 });
});

test('events that arrive while the client stops are left for the next connection', async () => {
  const platform = await startPlatform();
  const queue = Promise.withResolvers<undefined>();
  const { client, ended, stop, acknowledged } = await connectClient(platform, { receive: () => queue.promise });
  const early = platform.push(event('early'));
  await until(() => client.status().inFlight === 1);
  stop();
  const late = platform.push(event('late'));
  await late.settled;
  expect(late.responses).toEqual([{ code: 500 }]);
  queue.resolve(undefined);
  await early.settled;
  expect(early.responses).toEqual([{ code: 200 }]);
  expect(await ended).toBe('stopped');
  expect(acknowledged).toHaveLength(2);
});

test('the client stops even if a receiver never settles', async () => {
  const platform = await startPlatform();
  const received = Promise.withResolvers<void>();
  const { ended, stop } = await connectClient(platform, {
    receive() {
      received.resolve();
      return new Promise(() => {});
    },
    timing: { acknowledgeWithinMs: 50 },
  });
  const delivery = platform.push(event('e1'));
  await received.promise;
  stop();
  expect(await ended).toBe('stopped');
  expect(delivery.responses).toEqual([{ code: 500 }]);
});

test('the client stops even if the platform does not answer the close frame', async () => {
  const platform = await startPlatform();
  const { ended, stop } = await connectClient(platform);
  platform.gateway.pauseSockets();
  stop();
  expect(await ended).toBe('stopped');
});

test('the client stops even if the platform hangs up meanwhile', async () => {
  const platform = await startPlatform();
  const queue = Promise.withResolvers<undefined>();
  const { client, ended, stop } = await connectClient(platform, { receive: () => queue.promise });
  platform.push(event('e1'));
  await until(() => client.status().inFlight === 1);
  stop();
  platform.gateway.open[0]?.hangUp();
  queue.resolve(undefined);
  expect(await ended).toBe('stopped');
  expect(platform.gateway.discoveries).toHaveLength(1);
});

test('the client can be stopped before it starts', async () => {
  const platform = await startPlatform();
  const { client, ended } = startClient(platform, { signal: AbortSignal.abort() });
  expect(await ended).toBe('stopped');
  expect(platform.gateway.discoveries).toHaveLength(0);
  expect(client.status()).toMatchObject({ state: 'ended', lastFailure: undefined });
});

test('the client can be stopped during discovery', async () => {
  const platform = await startPlatform();
  platform.gateway.discovery = 'silent';
  const { ended, stop } = startClient(platform);
  await until(() => platform.gateway.discoveries.length === 1);
  stop();
  expect(await ended).toBe('stopped');
});

test('the client can be stopped as the response to discovery arrives', async () => {
  const platform = await startPlatform();
  const { ended, logged, stop } = startClient(platform);
  const parse = JSON.parse;
  const spy = vi.spyOn(JSON, 'parse').mockImplementation((text, reviver) => {
    // Nothing in the client notices an abort between here and the handshake.
    if (String(text).includes('ticket=')) stop();
    return parse(text, reviver);
  });
  onTestFinished(() => spy.mockRestore());
  expect(await ended).toBe('stopped');
  expect(platform.gateway.upgrades).toBe(0);
  expect(logged).toEqual([]);
});

test('the client can be stopped during the handshake', async () => {
  const platform = await startPlatform();
  platform.gateway.upgrade = 'silent';
  const { ended, stop } = startClient(platform);
  await until(() => platform.gateway.upgrades === 1);
  stop();
  expect(await ended).toBe('stopped');
});

test('the client can be stopped while it waits', async () => {
  const platform = await startPlatform();
  platform.gateway.discovery = { code: 1000040350 };
  const { client, ended, stop } = startClient(platform);
  await until(() => client.status().state === 'waiting');
  stop();
  expect(await ended).toBe('stopped');
  // No other attempt is made.
  expect(client.status().lastFailure).toBe('FEISHU_TOO_MANY_CONNECTIONS');
});

test('every timer is cleared, and no listener remains on the signal', async () => {
  const set = vi.spyOn(globalThis, 'setTimeout');
  const clear = vi.spyOn(globalThis, 'clearTimeout');
  onTestFinished(() => void vi.restoreAllMocks());
  const platform = await startPlatform();
  const controller = new AbortController();
  const { client, ended } = await connectClient(platform, {
    signal: controller.signal,
    timing: { handshakeWithinMs: 60_001, pongWithinMs: 60_002, acknowledgeWithinMs: 60_003, closeWithinMs: 60_004 },
  });
  await platform.push(event('e1')).settled;
  for (let lost = 1; lost <= 3; lost++) {
    platform.gateway.open[0]?.hangUp();
    await until(() => client.status().reconnects === lost);
  }
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
  controller.abort();
  expect(await ended).toBe('stopped');
  const cleared = new Set(clear.mock.calls.map(([timer]) => timer));
  const remaining = set.mock.calls.filter(
    ([, delay = 0], index) => delay > 60_000 && !cleared.has(set.mock.results[index]?.value),
  );
  expect(remaining).toEqual([]);
  expect(new Set(set.mock.calls.map(([, delay]) => delay))).toContain(60_004);
});

test('a process exits with 0 after SIGTERM, with nothing left open', async () => {
  const platform = await startPlatform();
  const client = startProgram(platform, { handlerMs: 300 });
  await until(() => platform.gateway.open.length === 1);
  platform.gateway.open[0]?.hangUp();
  await until(() => platform.gateway.connections[1]?.pings.length === 1);
  let received = 0;
  client.stdout?.setEncoding('utf8').on('data', (text: string) => {
    received += text.split('received an event').length - 1;
  });
  platform.push(event('half'), { fragments: 2, order: [0] });
  const deliveries = Array.from({ length: 20 }, (_, index) => platform.push(event(`e${index}`)));
  await until(() => received === 20);
  client.kill('SIGTERM');
  await Promise.all(deliveries.map(({ settled }) => settled));
  expect(deliveries.filter(({ state }) => state === 'acknowledged')).toHaveLength(20);
  expect(await once(client, 'exit')).toEqual([0, null]);
});

test('a process whose login is rejected exits with 1', async () => {
  const platform = await startPlatform();
  platform.gateway.discovery = { code: 514 };
  const client = startProgram(platform);
  expect(await once(client, 'exit')).toEqual([1, null]);
});

function startProgram(platform: MockPlatform, { handlerMs = 0 } = {}): ChildProcess {
  const program = fileURLToPath(new URL('../../mock-platform/client-program.ts', import.meta.url));
  const client = spawn(process.execPath, [program, 'ours', platform.domain, APP_ID, APP_SECRET, String(handlerMs)]);
  onTestFinished(() => void client.kill('SIGKILL'));
  return client;
}
