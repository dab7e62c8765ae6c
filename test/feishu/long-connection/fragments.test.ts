import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Fragments, readPosition } from '../../../lib/feishu/long-connection/fragments.ts';

const MIB = 1024 * 1024;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('events cut up anyhow and mixed in any order come out whole, once each', () => {
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

test('whatever the headers say, memory stays bounded and errors have a name', () => {
  const anything = fc.oneof(
    fc.string(),
    fc.integer().map(String),
    fc.nat({ max: 4 }).map(String),
    fc.constant(undefined),
  );
  const fragment = fc.tuple(fc.string({ maxLength: 2 }), anything, anything);
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 300 }), (all) => {
      const fragments = new Fragments();
      for (const [messageId, sum, seq] of all) {
        try {
          fragments.add(readPosition(messageId, sum, seq), new Uint8Array(100));
        } catch (error) {
          expect(error).toMatchObject({ code: 'FEISHU_FRAGMENT_REFUSED' });
        }
      }
      expect(fragments.bytes).toBeLessThanOrEqual(all.length * 100);
      fragments.clear();
      expect(fragments.bytes).toBe(0);
      expect(vi.getTimerCount()).toBe(0);
    }),
  );
});

test('an incomplete event is forgotten 5 s after its first fragment', () => {
  const fragments = new Fragments();
  fragments.add({ messageId: 'm', sum: 3, seq: 0 }, bytes('a'));
  vi.advanceTimersByTime(4_999);
  fragments.add({ messageId: 'm', sum: 3, seq: 1 }, bytes('b'));
  expect(fragments.bytes).toBe(2);
  vi.advanceTimersByTime(1);
  expect(fragments.bytes).toBe(0);
  expect(fragments.add({ messageId: 'm', sum: 3, seq: 2 }, bytes('c'))).toBeUndefined();
});

test('an event that is sent again after it was forgotten comes out whole', () => {
  const fragments = new Fragments();
  fragments.add({ messageId: 'm', sum: 2, seq: 0 }, bytes('old'));
  vi.advanceTimersByTime(15_000);
  fragments.add({ messageId: 'm', sum: 2, seq: 0 }, bytes('new'));
  expect(fragments.add({ messageId: 'm', sum: 2, seq: 1 }, bytes('!'))).toEqual(bytes('new!'));
});

test('a fragment that comes twice counts once', () => {
  const fragments = new Fragments();
  fragments.add({ messageId: 'm', sum: 2, seq: 0 }, bytes('first'));
  expect(fragments.add({ messageId: 'm', sum: 2, seq: 0 }, bytes('1st'))).toBeUndefined();
  expect(fragments.bytes).toBe(3);
  expect(fragments.add({ messageId: 'm', sum: 2, seq: 1 }, bytes('2nd'))).toEqual(bytes('1st2nd'));
});

test('a fragment is kept by copy: its message may be reused', () => {
  const fragments = new Fragments();
  const payload = bytes('a');
  fragments.add({ messageId: 'm', sum: 2, seq: 0 }, payload);
  payload.fill(0);
  expect(fragments.add({ messageId: 'm', sum: 2, seq: 1 }, bytes('b'))).toEqual(bytes('ab'));
});

test('16 MiB are held at most: beyond that the oldest incomplete event is forgotten', () => {
  const fragments = new Fragments();
  for (let index = 0; index < 20; index++) {
    fragments.add({ messageId: `m${index}`, sum: 2, seq: 0 }, new Uint8Array(MIB));
    expect(fragments.bytes).toBeLessThanOrEqual(16 * MIB);
  }
  expect(fragments.add({ messageId: 'm3', sum: 2, seq: 1 }, bytes('!'))).toBeUndefined();
  expect(fragments.add({ messageId: 'm19', sum: 2, seq: 1 }, bytes('!'))).toHaveLength(MIB + 1);
});

test('an event of more than 16 MiB is refused and forgotten', () => {
  const fragments = new Fragments();
  const position = { messageId: 'm', sum: 17 };
  for (let seq = 0; seq < 16; seq++) fragments.add({ ...position, seq }, new Uint8Array(MIB));
  expect(() => fragments.add({ ...position, seq: 16 }, bytes('!'))).toThrow('more than 16777216 bytes');
  expect(fragments.bytes).toBe(0);
});

test('128 incomplete events are held at most', () => {
  const fragments = new Fragments();
  for (let index = 0; index < 1_000; index++) fragments.add({ messageId: `m${index}`, sum: 2, seq: 0 }, bytes('x'));
  expect(fragments.bytes).toBe(128);
});

test.each([
  ['more fragments than any event has', { messageId: 'm', sum: 1025, seq: 0 }, '1025'],
  ['a seq beyond the sum', { messageId: 'm', sum: 2, seq: 2 }, 'fragment 2 of an event of 2'],
  ['a sum of nothing', { messageId: 'm', sum: 0, seq: 0 }, 'fragment 0 of an event of 0'],
  ['no message id', { messageId: '', sum: 2, seq: 0 }, 'message_id'],
])('%s is refused', (_, position, reason) => {
  expect(() => new Fragments().add(position, bytes('x'))).toThrow(reason);
});

test('fragments that disagree about their number are refused', () => {
  const fragments = new Fragments();
  fragments.add({ messageId: 'm', sum: 2, seq: 0 }, bytes('x'));
  expect(() => fragments.add({ messageId: 'm', sum: 3, seq: 2 }, bytes('x'))).toThrow('was an event of 2');
});

test('an event may have 1,024 fragments, and a single one is not copied', () => {
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
])('the headers %j, %j and %j are a position', (messageId, sum, seq, expected) => {
  expect(readPosition(messageId, sum, seq)).toEqual(expected);
});

test.each(['x', '-1', '1.5', ' 1', '1 ', '1x', 'x1', '1234567890', '__proto__'])('%j is no count', (text) => {
  expect(() => readPosition('m', text, '0')).toThrow('A fragment is refused: sum is no count.');
  expect(() => readPosition('m', '1', text)).toThrow('A fragment is refused: seq is no count.');
});

function bytes(text: string): Buffer {
  return Buffer.from(text);
}
