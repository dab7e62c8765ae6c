import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { Connection } from '../../../lib/feishu/long-connection/connection.ts';
import { Deliveries, type Receive } from '../../../lib/feishu/long-connection/deliveries.ts';
import { DEFAULT_SETTINGS } from '../../../lib/feishu/long-connection/settings.ts';
import { TIMING } from '../../../lib/feishu/long-connection/timing.ts';
import { encodeWireFrame } from '../../mock-platform/wire.ts';

// A single connection, without the client that replaces it.

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

async function startServer(upgrade: Upgrade) {
  const sockets = new Set<Duplex>();
  const server = createServer().on('upgrade', (request, socket, head) => {
    sockets.add(socket);
    upgrade(request, socket, head);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { server, url: new URL(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`) };
}

function connect(url: URL, receive: Receive = async () => undefined) {
  const warn = vi.fn();
  const acknowledged = vi.fn();
  const log = { debug: () => {}, info: () => {}, warn, error: () => {} };
  const deliveries = new Deliveries(receive, acknowledged, TIMING.acknowledgeWithinMs, log);
  const events = { opened: () => {}, pong: () => {}, draining: () => {} };
  const endpoint = { url, serviceId: 1, settings: DEFAULT_SETTINGS };
  const connection = new Connection(endpoint, deliveries, events, TIMING, log);
  return { connection, deliveries, acknowledged, warn };
}

/** Connects to a server that accepts the connection. */
async function open(receive?: Receive) {
  const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: true });
  const accepted = Promise.withResolvers<WebSocket>();
  const { url } = await startServer((...upgrade) => webSockets.handleUpgrade(...upgrade, accepted.resolve));
  const client = connect(url, receive);
  return { ...client, platform: await accepted.promise };
}

function eventFrame(messageId: string, sum = 1): Buffer {
  const headers = Object.entries({ type: 'event', message_id: messageId, sum: String(sum), seq: '0' });
  return encodeWireFrame({
    SeqID: '0',
    LogID: '0',
    service: 1,
    method: 1,
    headers: headers.map(([key, value]) => ({ key, value })),
    payload: Buffer.from('{}'),
  });
}

test('compression is not negotiated, even if the platform supports it', async () => {
  const { platform } = await open();
  expect(platform.extensions).toBe('');
});

test('the error of a failed handshake has a code and a cause, and no timer remains', async () => {
  const { url } = await startServer((_, socket) => socket.destroy());
  const { connection } = connect(url);
  await expect(connection.ended).rejects.toMatchObject({
    code: 'FEISHU_CONNECTION_FAILED',
    cause: expect.any(Error),
  });
  expect(vi.getTimerCount()).toBe(0);
});

test('stopping during the handshake is the reason of the error, and no timer remains', async () => {
  const { server, url } = await startServer(() => {});
  const { connection } = connect(url);
  const failing = expect(connection.ended).rejects.toMatchObject({
    code: 'FEISHU_CONNECTION_FAILED',
    message: expect.stringMatching(/: the client was stopped\.$/),
  });
  await once(server, 'upgrade');
  await connection.stop();
  await failing;
  expect(vi.getTimerCount()).toBe(0);
});

test('an event whose connection is lost while it stops counts as not acknowledged, and no timer remains', async () => {
  const received = Promise.withResolvers<void>();
  const queued = Promise.withResolvers<undefined>();
  const { connection, platform, acknowledged, warn } = await open(() => {
    received.resolve();
    return queued.promise;
  });
  platform.send(eventFrame('m1'));
  await received.promise;
  const stopping = connection.stop();
  platform.terminate();
  await connection.ended;
  queued.resolve(undefined);
  await stopping;
  expect(acknowledged).not.toHaveBeenCalled();
  expect(warn).toHaveBeenCalledWith(expect.stringContaining('lost'), { messageId: 'm1', traceId: undefined });
  expect(vi.getTimerCount()).toBe(0);
});

test('an incomplete event leaves no timer when the connection closes', async () => {
  const received = Promise.withResolvers<void>();
  const { connection, deliveries, platform } = await open(async () => received.resolve() as undefined);
  platform.send(eventFrame('half', 2));
  platform.send(eventFrame('whole'));
  await received.promise;
  await deliveries.drain();
  platform.terminate();
  await connection.ended;
  expect(vi.getTimerCount()).toBe(0);
});

test('an unexpected error while a message is received is not hidden', async () => {
  const send = vi.spyOn(WebSocket.prototype, 'send');
  onTestFinished(() => send.mockRestore());
  const { deliveries, platform, warn } = await open();
  // The client sends a ping first.
  await once(platform, 'message');
  const [client] = send.mock.contexts as [WebSocket];
  const bug = new TypeError('a bug');
  vi.spyOn(deliveries, 'accept').mockImplementation(() => {
    throw bug;
  });
  expect(() => client.emit('message', eventFrame('m1'), true)).toThrow(bug);
  expect(warn).not.toHaveBeenCalled();
});
