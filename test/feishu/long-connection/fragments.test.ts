import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Fragments, readPosition } from '../../../lib/feishu/long-connection/fragments.ts';

const MIB = 1024 * 1024;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('events that are split anywhere and shuffled are joined exactly once each', () => {
  const cutEvents = fc.uniqueArray(
    fc.record({
      messageId: fc.string({ minLength: 1 }),
      parts: fc.array(fc.uint8Array(), { minLength: 1, maxLength: 8 }),
    }),
    { selector: ({ messageId }) => messageId, maxLength: 5 },
  );
  const mixed = cutEvents.chain((events) => {
    const pieces = events.flatMap(({ messageId, parts }) =>
      parts.map((payload, seq) => ({ messageId, sum: parts.length, seq, payload })),
    );
    const shuffled = fc.shuffledSubarray(pieces, { minLength: pieces.length });
    return fc.tuple(fc.constant(events), shuffled);
  });
  fc.assert(
    fc.property(mixed, ([events, pieces]) => {
      const fragments = new Fragments();
      const whole = new Map<string, Buffer>();
      for (const { payload, ...position } of pieces) {
        const event = fragments.add(position, payload);
        if (event === undefined) continue;
        expect(whole.has(position.messageId)).toBe(false);
        whole.set(position.messageId, Buffer.from(event));
      }
      expect(whole).toEqual(new Map(events.map(({ messageId, parts }) => [messageId, Buffer.concat(parts)])));
      expect(fragments.bytes).toBe(0);
      expect(vi.getTimerCount()).toBe(0);
    }),
  );
});

test('for any headers, memory stays bounded and errors have a code', () => {
  const anyHeader = fc.oneof(
    fc.string(),
    fc.integer().map(String),
    fc.nat({ max: 4 }).map(String),
    fc.constant(undefined),
  );
  const fragment = fc.tuple(fc.string({ maxLength: 2 }), anyHeader, anyHeader);
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 300 }), (received) => {
      const fragments = new Fragments();
      for (const [messageId, sum, seq] of received) {
        try {
          fragments.add(readPosition(messageId, sum, seq), new Uint8Array(100));
        } catch (error) {
          expect(error).toMatchObject({ code: 'FEISHU_FRAGMENT_REFUSED' });
        }
      }
      expect(fragments.bytes).toBeLessThanOrEqual(received.length * 100);
      fragments.clear();
      expect(fragments.bytes).toBe(0);
      expect(vi.getTimerCount()).toBe(0);
    }),
  );
});

test('an incomplete event is discarded 5 s after its first fragment', () => {
  const fragments = new Fragments();
  fragments.add({ messageId: 'm', sum: 3, seq: 0 }, bytes('a'));
  vi.advanceTimersByTime(4_999);
  fragments.add({ messageId: 'm', sum: 3, seq: 1 }, bytes('b'));
  expect(fragments.bytes).toBe(2);
  vi.advanceTimersByTime(1);
  expect(fragments.bytes).toBe(0);
  expect(fragments.add({ messageId: 'm', sum: 3, seq: 2 }, bytes('c'))).toBeUndefined();
});

test('an event that is sent again after it was discarded is joined', () => {
  const fragments = new Fragments();
  fragments.add({ messageId: 'm', sum: 2, seq: 0 }, bytes('old'));
  vi.advanceTimersByTime(15_000);
  fragments.add({ messageId: 'm', sum: 2, seq: 0 }, bytes('new'));
  expect(fragments.add({ messageId: 'm', sum: 2, seq: 1 }, bytes('!'))).toEqual(bytes('new!'));
});

test('a repeated fragment counts once', () => {
  const fragments = new Fragments();
  fragments.add({ messageId: 'm', sum: 2, seq: 0 }, bytes('first'));
  expect(fragments.add({ messageId: 'm', sum: 2, seq: 0 }, bytes('1st'))).toBeUndefined();
  expect(fragments.bytes).toBe(3);
  expect(fragments.add({ messageId: 'm', sum: 2, seq: 1 }, bytes('2nd'))).toEqual(bytes('1st2nd'));
});

test('a fragment is copied, because its buffer may be reused', () => {
  const fragments = new Fragments();
  const payload = bytes('a');
  fragments.add({ messageId: 'm', sum: 2, seq: 0 }, payload);
  payload.fill(0);
  expect(fragments.add({ messageId: 'm', sum: 2, seq: 1 }, bytes('b'))).toEqual(bytes('ab'));
});

test('beyond 16 MiB the oldest incomplete event is discarded', () => {
  const fragments = new Fragments();
  for (let index = 0; index < 20; index++) {
    fragments.add({ messageId: `m${index}`, sum: 2, seq: 0 }, new Uint8Array(MIB));
    expect(fragments.bytes).toBeLessThanOrEqual(16 * MIB);
  }
  expect(fragments.add({ messageId: 'm3', sum: 2, seq: 1 }, bytes('!'))).toBeUndefined();
  expect(fragments.add({ messageId: 'm19', sum: 2, seq: 1 }, bytes('!'))).toHaveLength(MIB + 1);
});

test('an event of more than 16 MiB is rejected and discarded', () => {
  const fragments = new Fragments();
  const position = { messageId: 'm', sum: 17 };
  for (let seq = 0; seq < 16; seq++) fragments.add({ ...position, seq }, new Uint8Array(MIB));
  expect(() => fragments.add({ ...position, seq: 16 }, bytes('!'))).toThrow('more than 16777216 bytes');
  expect(fragments.bytes).toBe(0);
});

test('at most 128 incomplete events are held', () => {
  const fragments = new Fragments();
  for (let index = 0; index < 1_000; index++) fragments.add({ messageId: `m${index}`, sum: 2, seq: 0 }, bytes('x'));
  expect(fragments.bytes).toBe(128);
});

test.each([
  ['too many fragments', { messageId: 'm', sum: 1025, seq: 0 }, '1025'],
  ['a seq beyond the sum', { messageId: 'm', sum: 2, seq: 2 }, 'fragment 2 of an event with 2 fragments'],
  ['a sum of 0', { messageId: 'm', sum: 0, seq: 0 }, 'fragment 0 of an event with 0 fragments'],
  ['no message id', { messageId: '', sum: 2, seq: 0 }, 'message_id'],
])('%s is rejected', (_, position, reason) => {
  expect(() => new Fragments().add(position, bytes('x'))).toThrow(reason);
});

test('a fragment with a different sum is rejected', () => {
  const fragments = new Fragments();
  fragments.add({ messageId: 'm', sum: 2, seq: 0 }, bytes('x'));
  expect(() => fragments.add({ messageId: 'm', sum: 3, seq: 2 }, bytes('x'))).toThrow(
    '3 fragments, but 2 in an earlier fragment',
  );
});

test('an event may have 1,024 fragments, and a single fragment is not copied', () => {
  const fragments = new Fragments();
  expect(fragments.add({ messageId: 'm', sum: 1024, seq: 0 }, bytes('x'))).toBeUndefined();
  const payload = bytes('whole');
  expect(fragments.add({ messageId: 'n', sum: 1, seq: 0 }, payload)).toBe(payload);
});

test.each([
  ['m', '3', '2', { messageId: 'm', sum: 3, seq: 2 }],
  ['m', '123456789', '10', { messageId: 'm', sum: 123_456_789, seq: 10 }],
  [undefined, undefined, undefined, { messageId: '', sum: 1, seq: 0 }],
  ['', '', '', { messageId: '', sum: 1, seq: 0 }],
])('the headers %j, %j and %j are read as a position', (messageId, sum, seq, expected) => {
  expect(readPosition(messageId, sum, seq)).toEqual(expected);
});

test.each(['x', '-1', '1.5', ' 1', '1 ', '1x', 'x1', '1234567890', '__proto__'])('%j is not a count', (text) => {
  expect(() => readPosition('m', text, '0')).toThrow('Fragment rejected: sum is not a count.');
  expect(() => readPosition('m', '1', text)).toThrow('Fragment rejected: seq is not a count.');
});

function bytes(text: string): Buffer {
  return Buffer.from(text);
}
