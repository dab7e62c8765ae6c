import { expect, test } from 'vitest';
import { describeNetworkError } from '../../../lib/feishu/long-connection/errors.ts';

test('when all addresses of a name refuse, Node gives no message, and the code is told', () => {
  const error = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });
  expect(describeNetworkError(error)).toBe('ECONNREFUSED');
  expect(describeNetworkError(new AggregateError([]))).toBe('AggregateError');
  expect(describeNetworkError(new Error('connect ECONNREFUSED 127.0.0.1:9'))).toBe('connect ECONNREFUSED 127.0.0.1:9');
});
