import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { workerData } from 'node:worker_threads';
import dynalite from 'dynalite';
import { lowerThreadPriority } from '../thread-priority.ts';
import { type EmulatorData, serveEmulator } from './emulator.ts';

// The thread of the DynamoDB emulator. It has a low priority, because no acknowledgement waits for it.

lowerThreadPriority();

const HOST = '127.0.0.1';

const { folder } = workerData as EmulatorData;
const server = dynalite({ createTableMs: 0, ...(folder !== undefined && { path: folder }) }).listen(0, HOST);
// As for the queue, unused connections must not get the response 408, and idle ones stay open.
server.headersTimeout = 0;
server.keepAliveTimeout = 0;
await once(server, 'listening');
const endpoint = `http://${HOST}:${(server.address() as AddressInfo).port}`;
serveEmulator({ endpoint, restored: undefined }, async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
