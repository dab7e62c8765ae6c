import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FeishuError } from '../../../lib/feishu/errors.ts';
import { Deliveries, idsOf, type Receive } from '../../../lib/feishu/long-connection/deliveries.ts';
import type { Frame } from '../../../lib/feishu/long-connection/frame.ts';

const WITHIN_MS = 2_500;
const FRAME: Frame = {
  sequenceId: 1n,
  logId: 2n,
  service: 3,
  method: 1,
  headers: [
    { key: 'message_id', value: 'm1' },
    { key: 'trace_id', value: 't1' },
  ],
};
const IDS = { messageId: 'm1', traceId: 't1' };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Delivers one event, and returns what was acknowledged, counted and logged. */
async function deliver(
  receive: Receive,
  { payload = Buffer.from('{"a":"你好"}'), isConnected = true, fail = false } = {},
) {
  const payloads: unknown[] = [];
  const counted: [tookMs: number, code: number][] = [];
  const logged: [level: string, message: string, fields: unknown][] = [];
  const write = (level: string) => (message: string, fields?: object) => void logged.push([level, message, fields]);
  const log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  const count = (tookMs: number, code: number) => {
    counted.push([tookMs, code]);
    if (fail) throw new TypeError('a text of the event');
  };
  const deliveries = new Deliveries(receive, count, WITHIN_MS, log);
  await vi.advanceTimersByTimeAsync(1000);
  deliveries.accept(FRAME, payload, (frame) => {
    payloads.push(JSON.parse(Buffer.from(frame.payload ?? []).toString()));
    return isConnected;
  });
  await vi.advanceTimersByTimeAsync(WITHIN_MS);
  await deliveries.drain();
  return { payloads, counted, logged };
}

test('an event is received as text and acknowledged with its processing time', async () => {
  const receive = vi.fn(async () => {
    await new Promise((resolve) => setTimeout(resolve, 40.4));
    return undefined;
  });
  const { payloads, counted, logged } = await deliver(receive);
  expect(receive).toHaveBeenCalledExactlyOnceWith('{"a":"你好"}');
  expect(payloads).toEqual([{ code: 200 }]);
  const [[tookMs, code]] = counted as [[number, number]];
  expect(code).toBe(200);
  expect(tookMs).toBeGreaterThanOrEqual(40);
  expect(tookMs).toBeLessThan(42);
  expect(logged).toEqual([
    ['debug', expect.stringMatching(/acknowledged/), { ...IDS, code: 200, tookMs: Math.round(tookMs) }],
  ]);
});

test('the response to a callback is in the acknowledgement', async () => {
  const { payloads } = await deliver(async () => ({ toast: {} }));
  expect(payloads).toEqual([{ code: 200, data: Buffer.from('{"toast":{}}').toString('base64') }]);
});

test.each<[string, unknown, object]>([
  [
    'the code and message of a FeishuError',
    new FeishuError('FEISHU_QUEUE_UNAVAILABLE', 'The queue is down'),
    {
      code: 'FEISHU_QUEUE_UNAVAILABLE',
      reason: 'The queue is down',
    },
  ],
  ['the name of another error', new TypeError('a text of the event'), { reason: 'TypeError' }],
  ['the type of another value', 'a text of the event', { reason: 'string' }],
])('an event whose receiver rejects is acknowledged with 500, and the log contains %s', async (_, error, fields) => {
  const { payloads, counted, logged } = await deliver(() => Promise.reject(error));
  expect(payloads).toEqual([{ code: 500 }]);
  expect(counted.map(([, code]) => code)).toEqual([500]);
  expect(logged[0]).toEqual(['error', expect.stringMatching(/not queued$/), { ...IDS, ...fields }]);
});

test('an event whose receiver is late is acknowledged with 500, and the log contains the limit', async () => {
  const { payloads, counted, logged } = await deliver(() => new Promise(() => {}));
  expect(payloads).toEqual([{ code: 500 }]);
  expect(counted.map(([, code]) => code)).toEqual([500]);
  expect(logged[0]).toEqual(['error', expect.stringMatching(/not queued .*2500 ms/), IDS]);
});

test('a payload that is not UTF-8 is not received', async () => {
  const receive = vi.fn(async () => undefined);
  const { payloads, logged } = await deliver(receive, { payload: Buffer.from([0x22, 0xff, 0x22]) });
  expect(receive).not.toHaveBeenCalled();
  expect(payloads).toEqual([{ code: 500 }]);
  expect(logged[0]).toEqual(['error', expect.stringMatching(/UTF-8/), IDS]);
});

test('an event whose response cannot be written as JSON is acknowledged with 500', async () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const { payloads, counted, logged } = await deliver(async () => circular);
  expect(payloads).toEqual([{ code: 500 }]);
  expect(counted.map(([, code]) => code)).toEqual([500]);
  expect(logged[0]).toEqual(['error', expect.stringMatching(/JSON/), { ...IDS, reason: 'TypeError' }]);
});

test('an acknowledgement that cannot be sent is logged and not counted', async () => {
  const { counted, logged } = await deliver(async () => undefined, { isConnected: false });
  expect(counted).toEqual([]);
  expect(logged).toEqual([['warn', expect.stringMatching(/connection was lost/), IDS]]);
});

test('an error of the callback is logged by its name', async () => {
  const { logged } = await deliver(async () => undefined, { fail: true });
  expect(logged.at(-1)).toEqual(['error', expect.stringMatching(/acknowledging/i), { ...IDS, reason: 'TypeError' }]);
});

test('events beyond the limit are rejected and logged', () => {
  const logged: unknown[] = [];
  const sent: Frame[] = [];
  const log = { debug() {}, info() {}, error() {}, warn: (...line: unknown[]) => void logged.push(line) };
  const deliveries = new Deliveries(
    () => new Promise(() => {}),
    () => {},
    WITHIN_MS,
    log,
  );
  const maximum = 64 * 1024 * 1024;
  deliveries.accept(FRAME, Buffer.alloc(maximum - 1), () => true);
  deliveries.accept(FRAME, Buffer.alloc(1), () => true);
  expect(deliveries.inFlight).toBe(2);
  deliveries.accept(FRAME, Buffer.alloc(1), (frame) => sent.push(frame) > 0);
  expect(deliveries.inFlight).toBe(2);
  expect(logged).toEqual([[expect.stringMatching(/too many/), IDS]]);
  expect(String(sent[0]?.payload)).toBe('{"code":500}');
  expect(sent[0]?.headers.at(-1)).toEqual({ key: 'biz_rt', value: '0' });
});

test('ids are cut to 128 characters', () => {
  const headers = [
    { key: 'message_id', value: 'm'.repeat(200) },
    { key: 'trace_id', value: 't'.repeat(200) },
  ];
  expect(idsOf({ ...FRAME, headers })).toEqual({ messageId: 'm'.repeat(128), traceId: 't'.repeat(128) });
  expect(idsOf({ ...FRAME, headers: [] })).toEqual({ messageId: undefined, traceId: undefined });
});
