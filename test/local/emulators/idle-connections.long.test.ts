import { once } from 'node:events';
import { createServer, type ServerOptions } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Emulators, startEmulators } from '../../../lib/local/emulators/emulators.ts';
import { startHttpServer } from '../../../lib/local/http-server.ts';
import { startMockPlatform } from '../../../lib/mock-platform/start-mock-platform.ts';
import { jsonResponse } from '../../../lib/webhook/http.ts';

/** Longer than Node's default limit of 60 s and the 30 s between its checks. */
const HEADERS_TIMEOUT_MILLISECONDS = 95_000;
/** Longer than Node's default limits, 5 s for the server and 1 s more for the client. */
const KEEP_ALIVE_MILLISECONDS = 10_000;

let emulators: Emulators;
let emulatorPorts: number[];
const sockets: Socket[] = [];

beforeAll(async () => {
  emulators = await startEmulators({ ordering: 'none', visibilityTimeoutSeconds: 360 });
  const { AWS_ENDPOINT_URL_DYNAMODB: tableEndpoint = '' } = emulators.environment;
  emulatorPorts = [emulators.queueUrl, tableEndpoint].map(portOf);
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await emulators.stop();
});

it('The emulators send nothing on connections that a client opens but does not use', async () => {
  await using reference = await startReference({ headersTimeout: HEADERS_TIMEOUT_MILLISECONDS });
  const received: string[] = [];
  for (const port of emulatorPorts) open(port).on('data', (data) => received.push(String(data)));
  await once(open(reference.port), 'data');
  expect(received).toEqual([]);
});

it('The emulators and the local servers keep the connections open that a client has used', async () => {
  await using reference = await startReference({ keepAliveTimeout: KEEP_ALIVE_MILLISECONDS });
  await using platform = await startMockPlatform();
  const server = await startHttpServer('127.0.0.1', 0, () => jsonResponse(200, {}));
  const used = [...emulatorPorts, portOf(platform.origin), portOf(server.origin)].map(open);
  let closed = 0;
  for (const socket of used) socket.once('close', () => (closed += 1));
  await Promise.all(used.map(sendRequest));
  const closing = open(reference.port);
  await sendRequest(closing);
  await once(closing, 'close');
  expect(closed).toBe(0);
  await server.stop();
});

const portOf = (url: string) => Number(new URL(url).port);

function open(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  return socket;
}

async function sendRequest(socket: Socket): Promise<void> {
  socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  await once(socket, 'data');
  // Reads the rest, so that the end of the connection is noticed.
  socket.resume();
}

/** Starts a server with a time limit, so that the test waits until it has passed. */
async function startReference(options: ServerOptions) {
  const server = createServer(options, (_, response) => response.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
