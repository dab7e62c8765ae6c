import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, it } from 'vitest';
import { startEmulators } from '../../../lib/local/emulators/emulators.ts';

/** Longer than Node's default limit of 60 s and the 30 s between its checks. */
const HEADERS_TIMEOUT_MILLISECONDS = 95_000;

it('The emulators send nothing on connections that a client opens but does not use', async () => {
  const emulators = await startEmulators({ ordering: 'none', visibilityTimeoutSeconds: 360 });
  const reference = createServer({ headersTimeout: HEADERS_TIMEOUT_MILLISECONDS }).listen(0, '127.0.0.1');
  await once(reference, 'listening');
  const { AWS_ENDPOINT_URL_DYNAMODB: tableEndpoint = '' } = emulators.environment;
  const received: string[] = [];
  const open = (port: number) => connect(port, '127.0.0.1').on('data', (data) => received.push(String(data)));
  const ports = [emulators.queueUrl, tableEndpoint].map((url) => Number(new URL(url).port));
  const sockets = ports.map(open);
  const timedOut = connect((reference.address() as AddressInfo).port, '127.0.0.1');
  try {
    await once(timedOut, 'data');
    expect(received).toEqual([]);
  } finally {
    for (const socket of [...sockets, timedOut]) socket.destroy();
    reference.close();
    await emulators.stop();
  }
});
