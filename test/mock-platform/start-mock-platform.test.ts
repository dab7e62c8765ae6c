import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startMockPlatform } from '../../lib/mock-platform/start-mock-platform.ts';

it('stop() waits for the response in flight, and not for the connection, which the client keeps', async () => {
  const { origin, stop } = await startMockPlatform();
  const socket = connect(Number(new URL(origin).port), '127.0.0.1').setEncoding('utf8');
  const request =
    'POST /open-apis/auth/v3/tenant_access_token/internal HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue';
  socket.write(`${request}\r\nContent-Length: 2\r\n\r\n`);
  // The server has the request, without its body.
  expect(await once(socket, 'data')).toEqual([expect.stringContaining('100 Continue')]);
  const stopped = stop();
  await nextTurn();
  socket.write('{}');
  // Until the server closes the connection.
  expect(await text(socket)).toContain('"code"');
  await stopped;
});
