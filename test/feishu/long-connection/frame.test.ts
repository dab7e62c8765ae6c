import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LongConnectionError } from '../../../lib/feishu/long-connection/errors.ts';
import { decodeFrame, encodeFrame, type Frame, headerOf } from '../../../lib/feishu/long-connection/frame.ts';
import { decodeWireFrame, encodeWireFrame } from '../../mock-platform/wire.ts';
import { runs } from '../../support/volume.ts';

const KNOWN_PING = '0800100018f681801020002a0c0a0474797065120470696e67';

const ping: Frame = {
  sequenceId: 0n,
  logId: 0n,
  service: 33554678,
  method: 0,
  headers: [{ key: 'type', value: 'ping' }],
};

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const text = fc.string({ unit: 'binary' });
const frames: fc.Arbitrary<Frame> = fc.record(
  {
    sequenceId: uint64,
    logId: uint64,
    service: int32,
    method: int32,
    headers: fc.array(fc.record({ key: text, value: text }), { maxLength: 12 }),
    payloadEncoding: text,
    payloadType: text,
    payload: fc.uint8Array({ maxLength: 300 }),
    newLogId: text,
  },
  { requiredKeys: ['sequenceId', 'logId', 'service', 'method', 'headers'] },
);

test('a ping has the same bytes as in the official clients', () => {
  expect(Buffer.from(encodeFrame(ping)).toString('hex')).toBe(KNOWN_PING);
  expect(decodeFrame(Buffer.from(KNOWN_PING, 'hex'))).toEqual(ping);
});

test('encoding and decoding preserve every frame, including 64-bit ids', () => {
  fc.assert(
    fc.property(frames, (frame) => {
      expect(decodeFrame(encodeFrame(frame))).toEqual(frame);
    }),
  );
});

test('another protobuf library writes and reads the same bytes', () => {
  fc.assert(
    fc.property(frames, (frame) => {
      const bytes = encodeFrame(frame);
      const otherBytes = new Uint8Array(encodeWireFrame(decodeWireFrame(bytes)));
      expect(otherBytes).toEqual(bytes);
      expect(decodeFrame(otherBytes)).toEqual(frame);
    }),
  );
});

test('any bytes are decoded or rejected with FEISHU_FRAME_INVALID', () => {
  const mutated = fc.tuple(frames, fc.nat(), fc.nat({ max: 255 }), fc.nat()).map(([frame, position, byte, cut]) => {
    const bytes = encodeFrame(frame);
    bytes[position % bytes.length] = byte;
    return bytes.subarray(0, cut % (bytes.length + 1));
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (bytes) => {
      try {
        encodeFrame(decodeFrame(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(LongConnectionError);
        expect(error).toMatchObject({ code: 'FEISHU_FRAME_INVALID', consequence: 'continue' });
      }
    }),
    { numRuns: runs(2_000) },
  );
});

test.each([
  ['a varint', '5005'],
  ['64 bits', '510102030405060708'],
  ['32 bits', '5501020304'],
  ['bytes', '5203616263'],
  ['a group', '53080154'],
  ['a known number with another wire type', '1d01020304'],
])('an unknown field of %s is skipped', (_, hex) => {
  expect(decodeFrame(Buffer.from(hex + KNOWN_PING, 'hex'))).toEqual(ping);
  expect(decodeFrame(Buffer.from(KNOWN_PING + hex, 'hex'))).toEqual(ping);
});

test.each([
  ['SeqID', '100018002000'],
  ['LogID', '080018002000'],
  ['service', '080010002000'],
  ['method', '080010001800'],
])('the error for a frame without %s names the field', (name, hex) => {
  expect(() => decodeFrame(Buffer.from(hex, 'hex'))).toThrow(`${name} is missing`);
});

test('a frame may have at most 128 headers', () => {
  const bytes = Buffer.concat([
    Buffer.from('0800100018002000', 'hex'),
    Buffer.alloc(2 * 129, Buffer.from('2a00', 'hex')),
  ]);
  expect(() => decodeFrame(bytes)).toThrow('more than 128 headers');
  expect(decodeFrame(bytes.subarray(0, -2)).headers).toHaveLength(128);
});

test('a header may have no key, no value and unknown fields', () => {
  const frame = (header: string) => decodeFrame(Buffer.from(`0800100018002000${header}`, 'hex')).headers;
  expect(frame('2a00')).toEqual([{ key: '', value: '' }]);
  expect(frame('2a030a0161')).toEqual([{ key: 'a', value: '' }]);
  expect(frame('2a03120162')).toEqual([{ key: '', value: 'b' }]);
  expect(frame('2a081805' + '0a0161' + '120162')).toEqual([{ key: 'a', value: 'b' }]);
});

test('an error has a cause and the number of bytes', () => {
  expect(() => decodeFrame(Buffer.from('0800', 'hex'))).toThrow(
    expect.objectContaining({
      message: '2 bytes are not a valid frame: LogID is missing',
      cause: expect.any(TypeError),
    }),
  );
});

test('the value of a header is found by its key', () => {
  expect(headerOf(ping, 'type')).toBe('ping');
  expect(headerOf(ping, '__proto__')).toBeUndefined();
});
