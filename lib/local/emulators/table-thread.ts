import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { workerData } from 'node:worker_threads';
import dynalite from 'dynalite';
import { yieldToOtherThreads } from '../thread-priority.ts';
import { type EmulatorData, serveEmulator } from './emulator.ts';

// A thread that is DynamoDB. No acknowledgement waits for it.

yieldToOtherThreads();

const HOST = '127.0.0.1';

const { folder } = workerData as EmulatorData;
const server = dynalite({ createTableMs: 0, ...(folder !== undefined && { path: folder }) }).listen(0, HOST);
await once(server, 'listening');
const endpoint = `http://${HOST}:${(server.address() as AddressInfo).port}`;
serveEmulator({ endpoint, restored: undefined }, async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
