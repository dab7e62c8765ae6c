import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { Client } from '@larksuiteoapi/node-sdk';
import { beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { apiCallChannel, type ObservedCall, observeApiCalls } from '../../../lib/local/functions/observe-api-calls.ts';
import { startMockPlatform } from '../../../lib/mock-platform/start-mock-platform.ts';
import { handlerChannel } from '../../../lib/observability/diagnostics-channels.ts';
import { CHAT } from '../../../lib/samples/sample-values.ts';
import { wait } from '../../support/wait.ts';

const SILENT = { error() {}, warn() {}, info() {}, debug() {}, trace() {} };

beforeAll(observeApiCalls);

function observe(): ObservedCall[] {
  const calls: ObservedCall[] = [];
  const add = (call: unknown) => calls.push(call as ObservedCall);
  subscribe(apiCallChannel.name, add);
  onTestFinished(() => void unsubscribe(apiCallChannel.name, add));
  return calls;
}

const clientOf = (domain: string, appId = 'cli_test') =>
  new Client({ appId, appSecret: 'secret', domain, logger: SILENT });

it('Concurrent calls of two handlers are attributed to their events, and calls outside handlers to none', async () => {
  const calls = observe();
  await using mock = await startMockPlatform();
  const client = clientOf(mock.origin);
  const send = async (text: string) => {
    const data = { receive_id: CHAT, msg_type: 'text', content: JSON.stringify({ text }) };
    return await client.im.message.create({ params: { receive_id_type: 'chat_id' }, data });
  };
  const responses = await Promise.all([
    handlerChannel.runStores({ eventId: 'one' }, () => send('Hello')),
    handlerChannel.runStores({ eventId: 'two' }, () => send('你好 👋')),
    send('of no handler'),
  ]);
  await vi.waitFor(() => expect(calls).toHaveLength(2), wait);
  const byEvent = calls.toSorted((one, other) => one.eventId.localeCompare(other.eventId));
  expect(byEvent.map(({ eventId, request }) => [eventId, JSON.parse(JSON.parse(request ?? '').content)])).toEqual([
    ['one', { text: 'Hello' }],
    ['two', { text: '你好 👋' }],
  ]);
  expect(byEvent[0]).toMatchObject({
    method: 'POST',
    path: '/open-apis/im/v1/messages?receive_id_type=chat_id',
    status: 200,
  });
  // Observing a response does not take it from the client.
  expect(JSON.parse(byEvent[1]?.response ?? '')).toEqual(responses[1]);
});

it('Tokens and the content of files are not part of an observed call', async () => {
  const calls = observe();
  await using mock = await startMockPlatform();
  await handlerChannel.runStores({ eventId: 'one' }, async () => {
    // An app for which the SDK has no token yet.
    const client = clientOf(mock.origin, 'cli_files');
    const upload = await client.im.image.create({
      data: { image_type: 'message', image: Buffer.from('secret bytes') },
    });
    const image = await client.im.image.get({ path: { image_key: upload?.image_key ?? '' } });
    expect(await readText(image.getReadableStream())).toBe('secret bytes');
  });
  await vi.waitFor(() => expect(calls).toHaveLength(2), wait);
  expect(calls[0]).toMatchObject({ request: expect.stringMatching(/^\(\d+ bytes\)$/) });
  expect(calls[1]).toMatchObject({ response: '(12 bytes)' });
  expect(JSON.stringify(calls)).not.toMatch(/secret|Bearer|t-[0-9a-f]/);
});

it('A compressed response is shown as text, and a connection that breaks as an error', async () => {
  const calls = observe();
  const body = { code: 0, tenant_access_token: 't-1', expire: 7200, data: { text: '你好' } };
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/open-apis/broken')) return void request.socket.destroy();
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    response.end(gzipSync(JSON.stringify(body)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const client = clientOf(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
  await handlerChannel.runStores({ eventId: 'one' }, async () => {
    expect(await client.request({ method: 'GET', url: '/open-apis/compressed' })).toEqual(body);
    await expect(client.request({ method: 'GET', url: '/open-apis/broken' })).rejects.toThrow();
  });
  await vi.waitFor(() => expect(calls).toHaveLength(2), wait);
  expect(JSON.parse(calls[0]?.response ?? '')).toEqual(body);
  expect(calls[1]).toMatchObject({ path: '/open-apis/broken', error: expect.stringContaining('closed') });
  expect(calls[1]).not.toHaveProperty('status');
});
