import { expect, test } from 'vitest';
import { acknowledge } from '../../../lib/feishu/long-connection/acknowledgement.ts';
import type { Frame } from '../../../lib/feishu/long-connection/frame.ts';

const FRAME: Frame = {
  sequenceId: 1n,
  logId: 2n,
  service: 3,
  method: 1,
  headers: [{ key: 'message_id', value: 'm1' }],
  payload: Buffer.from('the event'),
};

const payloadOf = (frame: Frame) => JSON.parse(Buffer.from(frame.payload ?? []).toString());

test('an acknowledgement is the frame with a new payload and the processing time in whole milliseconds', () => {
  const { payload: _, ...rest } = acknowledge(FRAME, { code: 200 }, 12.6);
  const { payload: __, ...frame } = FRAME;
  expect(rest).toEqual({ ...frame, headers: [...FRAME.headers, { key: 'biz_rt', value: '13' }] });
  expect(FRAME.headers).toHaveLength(1);
});

test.each([200, 500] as const)('without a response, the payload contains only the code %i', (code) => {
  expect(payloadOf(acknowledge(FRAME, { code }, 0))).toEqual({ code });
});

test('the payload contains the response to a callback as base64 of JSON', () => {
  const { code, data } = payloadOf(acknowledge(FRAME, { code: 200, response: { toast: '你好' } }, 0));
  expect(code).toBe(200);
  expect(JSON.parse(Buffer.from(data, 'base64').toString())).toEqual({ toast: '你好' });
});
