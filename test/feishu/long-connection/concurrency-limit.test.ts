import { expect, test } from 'vitest';
import { ConcurrencyLimit } from '../../../lib/feishu/long-connection/concurrency-limit.ts';

/** Starts work that the test ends. */
function startAll(limit: ConcurrencyLimit, names: string[]) {
  const started: string[] = [];
  const works = names.map((name) => {
    const work = Promise.withResolvers<string>();
    const ended = limit.run(() => {
      started.push(name);
      return work.promise;
    });
    ended.catch(() => {});
    return { ...work, ended };
  });
  return { started, works };
}

test('work starts in order, up to the limit', async () => {
  const { started, works } = startAll(new ConcurrencyLimit(2), ['a', 'b', 'c', 'd']);
  expect(started).toEqual(['a', 'b']);
  works[1]?.resolve('result of b');
  expect(await works[1]?.ended).toBe('result of b');
  expect(started).toEqual(['a', 'b', 'c']);
  works[0]?.reject(new Error('failed'));
  await expect(works[0]?.ended).rejects.toThrow('failed');
  expect(started).toEqual(['a', 'b', 'c', 'd']);
});

test('the limit can be reached again after all work has ended', async () => {
  const limit = new ConcurrencyLimit(2);
  for (let round = 0; round < 3; round++) {
    const { started, works } = startAll(limit, ['a', 'b', 'c']);
    expect(started).toEqual(['a', 'b']);
    for (const { resolve } of works) resolve('done');
    await Promise.all(works.map(({ ended }) => ended));
    expect(started).toEqual(['a', 'b', 'c']);
  }
});
