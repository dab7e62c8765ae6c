import { expect, test } from 'vitest';
import { decodeWireFrame, encodeWireFrame } from './wire.ts';

test('frames can be written and read after the official SDK has been loaded', async () => {
  await import('@larksuiteoapi/node-sdk');
  const frame = { SeqID: '1', LogID: '2', service: 3, method: 0, headers: [{ key: 'type', value: 'ping' }] };
  expect(decodeWireFrame(encodeWireFrame(frame))).toEqual(frame);
});
