import { expect, test } from 'vitest';
import { describeNetworkError, LongConnectionError } from '../../../lib/feishu/long-connection/errors.ts';

test('an error has a code and a consequence', () => {
  const error = new LongConnectionError('FEISHU_LOGIN_REFUSED', 'rejected', { cause: 'the cause' });
  expect(error).toMatchObject({ name: 'LongConnectionError', message: 'rejected', cause: 'the cause' });
  expect(error).toMatchObject({ code: 'FEISHU_LOGIN_REFUSED', consequence: 'give up' });
});

test('a network error without a message is described by its code or name', () => {
  const error = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });
  expect(describeNetworkError(error)).toBe('ECONNREFUSED');
  expect(describeNetworkError(new AggregateError([]))).toBe('AggregateError');
  expect(describeNetworkError(new Error('connect ECONNREFUSED 127.0.0.1:9'))).toBe('connect ECONNREFUSED 127.0.0.1:9');
});
