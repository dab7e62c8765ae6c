import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FeishuError } from '../../../lib/feishu/errors.ts';
import { FakeClock } from '../../mock-platform/clock.ts';
import { encodeWireFrame, wireHeader } from '../../mock-platform/wire.ts';
import { connectClient, event, startClient, startPlatform, until } from './harness.ts';

const LIMIT_MS = 60_000;

test('an event is acknowledged with 200 once it is received', async () => {
  const platform = await startPlatform();
  const queued = Promise.withResolvers<undefined>();
  const { client } = await connectClient(platform, { receive: () => queued.promise });
  const delivery = platform.push(event('e1'));
  await until(() => client.status().inFlight === 1);
  expect(platform.gateway.connections[0]?.acknowledgements).toEqual([]);
  queued.resolve(undefined);
  await delivery.settled;
  expect(delivery).toMatchObject({ state: 'acknowledged', responses: [{ code: 200 }] });
  expect(client.status().inFlight).toBe(0);
});

test('the text is received byte for byte', async () => {
  const platform = await startPlatform();
  const { received } = await connectClient(platform);
  const text = '\uFEFF{ "n":9007199254740993, "text":"你好 🎉 \\u0000\\ud800",\n"n":1.0 }';
  await platform.push({ id: 'e1', text }).settled;
  expect(received).toEqual([text]);
});

test('a payload that is not UTF-8 is rejected, because it cannot be forwarded unchanged', async () => {
  const platform = await startPlatform();
  const { received } = await connectClient(platform);
  const delivery = platform.push(event('e1'), { frame: { payload: Buffer.from([0x22, 0xff, 0x22]) } });
  await delivery.settled;
  expect(delivery.responses).toEqual([{ code: 500 }]);
  expect(received).toEqual([]);
});

test('an acknowledgement is the same frame with biz_rt and another payload', async () => {
  const platform = await startPlatform();
  await connectClient(platform);
  const frame = {
    SeqID: '18446744073709551615',
    LogID: '9007199254740993',
    service: -7,
    payloadEncoding: 'utf-8',
    payloadType: 'json',
    LogIDNew: '2026112218463800000000000000000000',
  };
  await platform.push(event('e1'), { frame }).settled;
  const acknowledgement = platform.gateway.connections[0]?.acknowledgements[0];
  expect(acknowledgement).toMatchObject(frame);
  expect(acknowledgement?.headers).toEqual([
    { key: 'type', value: 'event' },
    { key: 'message_id', value: 'e1' },
    { key: 'sum', value: '1' },
    { key: 'seq', value: '0' },
    { key: 'trace_id', value: 'trace-e1' },
    { key: 'biz_rt', value: expect.stringMatching(/^\d+$/) },
  ]);
  expect(Buffer.from(acknowledgement?.payload ?? []).toString()).toBe('{"code":200}');
});

test('cards are received like events, with one warning', async () => {
  const platform = await startPlatform();
  const { received, logged } = await connectClient(platform);
  await platform.push(event('e1')).settled;
  expect(logged.filter(({ level }) => level === 'warn')).toEqual([]);
  for (const id of ['c1', 'c2']) {
    const delivery = platform.push(event(id), { type: 'card' });
    await delivery.settled;
    expect(delivery.responses).toEqual([{ code: 200 }]);
  }
  expect(received).toEqual(['e1', 'c1', 'c2'].map((id) => event(id).text));
  const warnings = logged.filter(({ level }) => level === 'warn').map(({ message }) => message);
  expect(warnings).toEqual([expect.stringContaining('the callback setting is probably not published')]);
});

test.each([1, 4])(
  'a gzip payload in %i fragments is decompressed, and acknowledged without compression',
  async (count) => {
    const platform = await startPlatform();
    const { received } = await connectClient(platform);
    const large = event('e1', { text: Array.from({ length: 1000 }, (_, index) => `你好 🎉 ${index}`) });
    const delivery = platform.push(large, { encoding: 'gzip', fragments: count });
    await delivery.settled;
    expect(delivery.responses).toEqual([{ code: 200 }]);
    expect(received).toEqual([large.text]);
    const [acknowledgement] = platform.gateway.connections[0]?.acknowledgements ?? [];
    expect(acknowledgement).not.toHaveProperty('payloadEncoding');
  },
);

test.each([
  ['damaged', Buffer.from('{"not":"compressed"}'), 'it is damaged'],
  [
    'larger than 16 MiB when decompressed',
    gzipSync(Buffer.alloc(16 * 1024 * 1024 + 1, ' ')),
    'more than 16777216 bytes',
  ],
])('a gzip payload that is %s is rejected with 500, and the connection stays open', async (_, payload, reason) => {
  const platform = await startPlatform();
  const { received, logged } = await connectClient(platform);
  const delivery = platform.push(event('e1'), { encoding: 'gzip', frame: { payload } });
  await delivery.settled;
  expect(delivery.responses).toEqual([{ code: 500 }]);
  await platform.push(event('e2'), { encoding: 'gzip' }).settled;
  expect(received).toEqual([event('e2').text]);
  const [warning] = logged.filter(({ level }) => level === 'warn');
  expect(warning?.fields).toMatchObject({ code: 'FEISHU_FRAME_INVALID', reason: expect.stringContaining(reason) });
});

test('a payload in an unknown encoding is rejected with 500, with one warning for all of them', async () => {
  const platform = await startPlatform();
  const { received, logged } = await connectClient(platform);
  for (const id of ['e1', 'e2']) {
    const frame = { payloadEncoding: 'zstd', payload: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]) };
    const delivery = platform.push(event(id), { frame });
    await delivery.settled;
    expect(delivery.responses).toEqual([{ code: 500 }]);
  }
  expect(received).toEqual([]);
  expect(logged.filter(({ level }) => level === 'warn')).toEqual([
    {
      level: 'warn',
      message: expect.stringContaining('the platform sends them again'),
      fields: { code: 'FEISHU_PAYLOAD_ENCODING_UNKNOWN', reason: expect.stringContaining('"zstd"') },
    },
  ]);
});

test.each(['', 'utf-8', 'json'])(
  'a plain payload is received whatever its encoding says: %j',
  async (payloadEncoding) => {
    const platform = await startPlatform();
    const { received } = await connectClient(platform);
    await platform.push(event('e1'), { frame: { payloadEncoding } }).settled;
    expect(received).toEqual([event('e1').text]);
  },
);

test('the response to a callback is part of the acknowledgement', async () => {
  const platform = await startPlatform();
  const response = { toast: { type: 'success', content: '好的 🎉' } };
  await connectClient(platform, { receive: async () => response });
  const delivery = platform.pushCallback(event('c1'));
  await delivery.settled;
  expect(delivery.responses).toEqual([{ code: 200, data: response }]);
});

test('a response that cannot be written as JSON becomes a 500', async () => {
  const platform = await startPlatform();
  const { logged } = await connectClient(platform, { receive: async () => ({ big: 1n }) });
  const delivery = platform.pushCallback(event('c1'));
  await delivery.settled;
  expect(delivery.responses).toEqual([{ code: 500 }]);
  expect(logged).toContainEqual(expect.objectContaining({ level: 'error' }));
});

test.each([
  ['rejects', () => Promise.reject(new FeishuError('FEISHU_QUEUE_UNAVAILABLE', 'The queue is down'))],
  [
    'throws',
    () => {
      throw new Error('synchronous');
    },
  ],
])('an event whose receiver %s is acknowledged with 500', async (_, receive) => {
  const platform = await startPlatform();
  const { client } = await connectClient(platform, { receive });
  const delivery = platform.push(event('e1'));
  await delivery.settled;
  expect(delivery.responses).toEqual([{ code: 500 }]);
  expect(client.status().inFlight).toBe(0);
});

test('only the name of an error that quotes the event is logged', async () => {
  const platform = await startPlatform();
  const { logged } = await connectClient(platform, { receive: async (text) => JSON.parse(`${text}!`) });
  await platform.push(event('e1', { text: 'content of the event' })).settled;
  expect(logged).toContainEqual({
    level: 'error',
    message: 'Event not queued',
    fields: { messageId: 'e1', traceId: 'trace-e1', reason: 'SyntaxError' },
  });
});

test('an event whose receiver never settles is acknowledged with 500 in time, and the next is received', async () => {
  const platform = await startPlatform();
  const { client, acknowledged } = await connectClient(platform, {
    receive: (text) => (text.includes('stuck') ? new Promise(() => {}) : Promise.resolve(undefined)),
    timing: { acknowledgeWithinMs: LIMIT_MS },
  });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const stuck = platform.push(event('stuck'));
  const next = platform.push(event('next'));
  await next.settled;
  expect(client.status().inFlight).toBe(1);
  vi.advanceTimersByTime(LIMIT_MS - 1);
  expect(stuck.responses).toEqual([]);
  vi.advanceTimersByTime(1);
  await stuck.settled;
  expect(stuck.responses).toEqual([{ code: 500 }]);
  expect(next.responses).toEqual([{ code: 200 }]);
  expect(client.status().inFlight).toBe(0);
  expect(acknowledged.map(({ code }) => code)).toEqual([200, 500]);
});

test('a receiver that rejects after the time limit has no effect', async () => {
  const platform = await startPlatform();
  const queue = Promise.withResolvers<undefined>();
  await connectClient(platform, { receive: () => queue.promise, timing: { acknowledgeWithinMs: 10 } });
  const delivery = platform.push(event('e1'));
  await delivery.settled;
  queue.reject(new Error('too late'));
  // An unhandled rejection would end the test run.
  await new Promise(setImmediate);
  expect(delivery.responses).toEqual([{ code: 500 }]);
});

test('an event is joined from fragments in any order and acknowledged once', async () => {
  const platform = await startPlatform();
  const { received } = await connectClient(platform);
  const large = event('e1', { text: '你好 🎉'.repeat(1000) });
  await platform.push(large, { fragments: 5, order: [3, 0, 4, 2, 1] }).settled;
  expect(received).toEqual([large.text]);
  const acknowledgements = platform.gateway.connections[0]?.acknowledgements ?? [];
  expect(acknowledgements.map((frame) => wireHeader(frame, 'seq'))).toEqual(['1']);
});

test('a frame without sum and seq contains a whole event', async () => {
  const platform = await startPlatform();
  const { received } = await connectClient(platform);
  await platform.push(event('e1'), { fragments: 0 }).settled;
  expect(received).toEqual([event('e1').text]);
});

test.each([
  ['a huge sum', { sum: '4000000000', seq: '0' }],
  ['a sum above the limit', { sum: '999999999', seq: '1' }],
  ['a seq beyond the sum', { sum: '2', seq: '2' }],
  ['a negative seq', { sum: '2', seq: '-1' }],
  ['a sum of 0', { sum: '0', seq: '0' }],
  ['a sum that is not a number', { sum: '__proto__', seq: '0' }],
])('%s is rejected with 500, and the connection stays open', async (_, { sum, seq }) => {
  const platform = await startPlatform();
  const { received } = await connectClient(platform);
  const headers = [
    { key: 'type', value: 'event' },
    { key: 'message_id', value: 'hostile' },
    { key: 'sum', value: sum },
    { key: 'seq', value: seq },
  ];
  const hostile = platform.push(event('hostile'), { frame: { headers } });
  await hostile.settled;
  expect(hostile.responses).toEqual([{ code: 500 }]);
  await platform.push(event('e1')).settled;
  expect(received).toEqual([event('e1').text]);
  expect(platform.gateway.connections).toHaveLength(1);
});

test('a data frame of an unknown type is not acknowledged with 200', async () => {
  const platform = await startPlatform();
  const { received, logged } = await connectClient(platform);
  const delivery = platform.push(event('e1'), { type: 'hologram' });
  await delivery.settled;
  expect(delivery.responses).toEqual([{ code: 500 }]);
  expect(received).toEqual([]);
  expect(logged).toContainEqual(
    expect.objectContaining({ level: 'warn', fields: expect.objectContaining({ code: 'FEISHU_FRAME_TYPE_UNKNOWN' }) }),
  );
});

test.each([
  ['bytes that are not protobuf', Buffer.from('not protobuf')],
  ['an empty message', Buffer.alloc(0)],
  ['a text message', 'text'],
  ['a length beyond the end', Buffer.from('0800100018002001427f', 'hex')],
  ['a million empty headers', Buffer.alloc(2_000_000, Buffer.from('2a00', 'hex'))],
  [
    'an unknown method',
    encodeWireFrame({ SeqID: '0', LogID: '0', service: 0, method: 7, headers: [{ key: 'type', value: 'event' }] }),
  ],
])('%s is dropped, and the connection stays open', async (_, message) => {
  const platform = await startPlatform();
  const { received, logged } = await connectClient(platform);
  platform.gateway.connections[0]?.send(message);
  await platform.push(event('e1')).settled;
  expect(received).toEqual([event('e1').text]);
  expect(platform.gateway.connections).toHaveLength(1);
  expect(logged).toContainEqual(
    expect.objectContaining({ level: 'warn', fields: expect.objectContaining({ code: 'FEISHU_FRAME_INVALID' }) }),
  );
});

test('an event that arrives together with the upgrade response is received', async () => {
  const platform = await startPlatform();
  platform.gateway.upgrade = { glued: event('glued') };
  const { received } = await connectClient(platform);
  await until(() => platform.gateway.connections[0]?.acknowledgements.length === 1);
  expect(received).toEqual([event('glued').text]);
});

test('the platform pushes an event that is not acknowledged again, up to four times', async () => {
  const clock = new FakeClock();
  const platform = await startPlatform(clock);
  let calls = 0;
  await connectClient(platform, {
    receive: async () => {
      calls++;
      throw new Error('the queue is down');
    },
  });
  const delivery = platform.push(event('e1'));
  for (const waitMs of [15_000, 300_000, 3_600_000, 21_600_000]) {
    await delivery.settled;
    expect(delivery.state).toBe('waiting');
    clock.advance(waitMs - 1);
    expect(delivery.state).toBe('waiting');
    clock.advance(1);
  }
  await delivery.settled;
  expect(delivery).toMatchObject({ state: 'given up', pushes: 5 });
  expect(calls).toBe(5);
});

test('the platform ignores an acknowledgement after 3 s', async () => {
  const clock = new FakeClock();
  const platform = await startPlatform(clock);
  const queued = Promise.withResolvers<undefined>();
  const { client } = await connectClient(platform, { receive: () => queued.promise });
  const delivery = platform.push(event('e1'));
  await until(() => client.status().inFlight === 1);
  clock.advance(3_000);
  await delivery.settled;
  expect(delivery.state).toBe('waiting');
  queued.resolve(undefined);
  await until(() => client.status().inFlight === 0);
  clock.advance(15_000);
  await delivery.settled;
  expect(delivery).toMatchObject({ state: 'acknowledged', pushes: 2 });
});

test('each event goes to one random connection', async () => {
  const chosen = [0.7, 0, 0.99];
  const platform = await startPlatform(undefined, () => chosen.shift() ?? 0);
  const clients = [];
  for (const name of ['first', 'second', 'third']) {
    clients.push(startClient(platform, { receive: async () => ({ name }) }));
    await until(() => platform.gateway.open.length === clients.length);
  }
  const deliveries = ['a', 'b', 'c'].map((id) => platform.pushCallback(event(id)));
  await Promise.all(deliveries.map(({ settled }) => settled));
  const names = deliveries.map(({ responses }) => responses[0]?.data);
  expect(names).toEqual([{ name: 'third' }, { name: 'first' }, { name: 'third' }]);
});
