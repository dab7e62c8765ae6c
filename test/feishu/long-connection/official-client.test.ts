import type { EventEmitter } from 'node:events';
import * as lark from '@larksuiteoapi/node-sdk';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { MockPlatform } from '../../mock-platform/platform.ts';
import { APP_ID, APP_SECRET, startPlatform, until } from './harness.ts';

const TYPE = 'im.message.receive_v1';

test('the official client connects, receives an event and acknowledges it', async () => {
  const platform = await startPlatform();
  const { handled } = await startOfficialClient(platform);
  const delivery = platform.push(message('e1', 'hello'));
  await delivery.settled;
  expect(delivery).toMatchObject({ state: 'acknowledged', pushes: 1 });
  expect(handled).toEqual(['hello']);
});

test('the official client joins fragments', async () => {
  const platform = await startPlatform();
  const { handled } = await startOfficialClient(platform);
  const text = '你好 🎉'.repeat(500);
  const delivery = platform.push(message('e1', text), { fragments: 4, order: [2, 0, 3, 1] });
  await delivery.settled;
  expect(delivery.state).toBe('acknowledged');
  expect(handled).toEqual([text]);
});

test("the official client sends the same ping as this project's client and accepts the pong", async () => {
  const platform = await startPlatform();
  platform.gateway.clientConfig.PingInterval = 0.05;
  await startOfficialClient(platform);
  await until(() => (platform.gateway.connections[0]?.pings.length ?? 0) >= 3);
  expect(platform.gateway.connections[0]?.pings[0]).toEqual({
    SeqID: '0',
    LogID: '0',
    service: 33554678,
    method: 0,
    headers: [{ key: 'type', value: 'ping' }],
  });
});

test('the official client reconnects after a hang-up', async () => {
  const platform = await startPlatform();
  const { client, handled } = await startOfficialClient(platform);
  platform.gateway.open[0]?.hangUp();
  await until(() => platform.gateway.connections[1]?.pings.length === 1);
  await waitForListener(client);
  await platform.push(message('e1', 'again')).settled;
  expect(handled).toEqual(['again']);
});

test('the official client, too, waits for a part of the nonce after the platform closed the connection', async () => {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0.5);
  onTestFinished(() => random.mockRestore());
  const platform = await startPlatform();
  platform.gateway.clientConfig.ReconnectNonce = 30;
  const { client } = await startOfficialClient(platform);
  const closedAt = Date.now();
  platform.gateway.open[0]?.close();
  await until(() => client.getReconnectInfo().nextConnectTime > closedAt);
  const waitMs = client.getReconnectInfo().nextConnectTime - closedAt;
  expect(waitMs).toBeGreaterThanOrEqual(15_000);
  expect(client.getReconnectInfo().nextConnectTime - Date.now()).toBeLessThanOrEqual(15_000);
});

test('the response of a handler of the official client is accepted as the response to a callback', async () => {
  const platform = await startPlatform();
  await startOfficialClient(platform, { toast: { type: 'info', content: '好的' } });
  const delivery = platform.pushCallback(message('c1', 'click'));
  await delivery.settled;
  expect(delivery.responses).toEqual([{ code: 200, data: { toast: { type: 'info', content: '好的' } } }]);
});

/** @returns the client, and the texts that its handler received */
async function startOfficialClient(platform: MockPlatform, response?: object) {
  const handled: string[] = [];
  const client = new lark.WSClient({
    appId: APP_ID,
    appSecret: APP_SECRET,
    domain: platform.domain,
    loggerLevel: lark.LoggerLevel.fatal,
  });
  const eventDispatcher = new lark.EventDispatcher({ loggerLevel: lark.LoggerLevel.fatal }).register({
    [TYPE]: async (event: { message: { content: string } }) => {
      handled.push(event.message.content);
      return response;
    },
  });
  await client.start({ eventDispatcher });
  onTestFinished(() => client.close({ force: true }));
  await until(() => platform.gateway.connections[0]?.pings.length === 1);
  await waitForListener(client);
  return { client, handled };
}

/** Waits for its message listener, attached shortly after open: see "glued first frame" in the comparison. */
async function waitForListener(client: lark.WSClient): Promise<void> {
  const { wsConfig } = client as unknown as { wsConfig: { getWSInstance(): EventEmitter | null } };
  await until(() => (wsConfig.getWSInstance()?.listenerCount('message') ?? 0) > 0);
}

function message(id: string, content: string) {
  const header = { event_id: id, event_type: TYPE, token: '', app_id: APP_ID, tenant_key: 't' };
  return { id, text: JSON.stringify({ schema: '2.0', header, event: { message: { content } } }) };
}
