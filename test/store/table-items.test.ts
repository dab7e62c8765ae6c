import { createHash } from 'node:crypto';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { expect, it } from 'vitest';
import { recordIdOf } from '../../lib/store/idempotency.ts';
import { conditionFailure, expirationAfter, itemId } from '../../lib/store/table-items.ts';

// Deployed tables contain these keys.
it('keeps the keys of deployed items', () => {
  expect(itemId('failure', 'm-1')).toBe('failure#m-1');
  expect(itemId('redrive', 'm-1')).toBe('redrive#m-1');
  expect(itemId('app-ticket', 'cli_1')).toBe('app-ticket#cli_1');
  expect(recordIdOf('k')).toBe(`event#${createHash('sha256').update('"k"').digest('base64')}`);
});

it('rounds the start of an expiration down to a whole second', () => {
  expect(expirationAfter(60, 1_999)).toEqual({ N: '61' });
});

it('returns only the exception of an unmet condition, and throws other errors', async () => {
  const unmet = new ConditionalCheckFailedException({ message: 'unmet', $metadata: {} });
  const other = new Error('throttled');
  const written = Promise.withResolvers<void>();
  let isSettled = false;
  const waiting = conditionFailure(written.promise).finally(() => {
    isSettled = true;
  });
  await expect(conditionFailure(Promise.reject(unmet))).resolves.toBe(unmet);
  await expect(conditionFailure(Promise.reject(other))).rejects.toBe(other);
  expect(isSettled).toBe(false);
  written.resolve();
  await expect(waiting).resolves.toBe(undefined);
});
