import { expect, test } from 'vitest';
import { encodeWireFrame } from '../../mock-platform/wire.ts';
import { connectClient, event, startClient, startPlatform, until } from './harness.ts';

// Only the log. connection.test.ts tests what happens to the connection.

test.each([
  ['an HTTP status', { httpStatus: 503, headers: {} }, /HTTP 503/],
  ['a hang-up', 'hang up' as const, /ws:\/\/127\.0\.0\.1:\d+\/ws\/v2: (?!.*closed).+\./],
  ['silence', 'silent' as const, /ws:\/\/127\.0\.0\.1:\d+\/ws\/v2: .*handshake.* 50 ms/],
])('an upgrade that ends with %s is logged with its reason', async (_, behaviour, reason) => {
  const platform = await startPlatform();
  platform.gateway.upgrade = behaviour;
  const handshakeWithinMs = behaviour === 'silent' ? 50 : 600_000;
  const { logged } = startClient(platform, { timing: { handshakeWithinMs } });
  await until(() => logged.length > 0);
  expect(logged[0]).toMatchObject({ level: 'warn', message: expect.stringMatching(reason) });
  expect(logged[0]?.message).not.toMatch('ticket');
});

test('a connection that receives no pong is logged with the time limit', async () => {
  const platform = await startPlatform();
  platform.gateway.pong = 'none';
  const { logged } = startClient(platform, { timing: { pongWithinMs: 50 } });
  await until(() => platform.gateway.connections.length === 2);
  const warnings = logged.filter(({ level }) => level === 'warn').map(({ message }) => message);
  expect(warnings[0]).toMatch(/ping.* 50 ms/);
  // The connection was open, so the second line only reports that it was lost.
  expect(warnings[1]).not.toMatch('ping');
});

test('stopping before the connection opens logs nothing', async () => {
  const platform = await startPlatform();
  platform.gateway.upgrade = 'silent';
  const { ended, logged, stop } = startClient(platform);
  await until(() => platform.gateway.upgrades === 1);
  stop();
  expect(await ended).toBe('stopped');
  expect(logged).toEqual([]);
});

test.each([
  ['a text message', 'text', /text/],
  ['an unknown method', encodeWireFrame({ SeqID: '0', LogID: '0', service: 0, method: 7, headers: [] }), /7/],
])('%s is logged with its reason', async (_, message, reason) => {
  const platform = await startPlatform();
  const { logged } = await connectClient(platform);
  platform.gateway.connections[0]?.send(message);
  await until(() => logged.some(({ level }) => level === 'warn'));
  expect(logged.find(({ level }) => level === 'warn')).toMatchObject({
    message: expect.stringMatching(/message/i),
    fields: { code: 'FEISHU_FRAME_INVALID', reason: expect.stringMatching(reason) },
  });
});

test('an unknown type is logged with the ids of its event and its first 64 characters', async () => {
  const platform = await startPlatform();
  const { logged } = await connectClient(platform);
  const delivery = platform.push(event('e1'), { type: 'x'.repeat(100) });
  await delivery.settled;
  const line = logged.find(({ level }) => level === 'warn');
  expect(line?.message).toMatch(/data frame/i);
  expect(line?.fields).toMatchObject({ code: 'FEISHU_FRAME_TYPE_UNKNOWN', messageId: expect.any(String) });
  expect(line?.fields.reason).toMatch(/"x{64}"/);
});

test('a frame without a type is rejected', async () => {
  const platform = await startPlatform();
  const { logged } = await connectClient(platform);
  const delivery = platform.push(event('e1'), { frame: { headers: [{ key: 'message_id', value: 'm1' }] } });
  await until(() => logged.some(({ level }) => level === 'warn'));
  expect(logged.find(({ level }) => level === 'warn')?.fields).toMatchObject({
    code: 'FEISHU_FRAME_TYPE_UNKNOWN',
    messageId: 'm1',
  });
  expect(delivery.state).not.toBe('acknowledged');
});

test('a control frame that is not a pong changes nothing', async () => {
  const platform = await startPlatform();
  const { client } = await connectClient(platform);
  const { lastPongAt } = client.status();
  const headers = [{ key: 'type', value: 'other' }];
  platform.gateway.connections[0]?.send(
    encodeWireFrame({
      SeqID: '0',
      LogID: '0',
      service: 0,
      method: 0,
      headers,
      payload: Buffer.from('{"PingInterval":5}'),
    }),
  );
  await platform.push(event('e1')).settled;
  expect(client.status()).toMatchObject({ lastPongAt, pingIntervalMs: 120_000 });
});
