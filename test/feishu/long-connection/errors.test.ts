import { expect, test } from 'vitest';
import { describeNetworkError, LongConnectionError } from '../../../lib/feishu/long-connection/errors.ts';

test('an error has a code, and with it a consequence', () => {
  const error = new LongConnectionError('FEISHU_LOGIN_REFUSED', 'refused', { cause: 'the cause' });
  expect(error).toMatchObject({ name: 'LongConnectionError', message: 'refused', cause: 'the cause' });
  expect(error).toMatchObject({ code: 'FEISHU_LOGIN_REFUSED', consequence: 'give up' });
});

test('when all addresses of a name refuse, Node gives no message, and the code is told', () => {
  const error = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });
  expect(describeNetworkError(error)).toBe('ECONNREFUSED');
  expect(describeNetworkError(new AggregateError([]))).toBe('AggregateError');
  expect(describeNetworkError(new Error('connect ECONNREFUSED 127.0.0.1:9'))).toBe('connect ECONNREFUSED 127.0.0.1:9');
});
