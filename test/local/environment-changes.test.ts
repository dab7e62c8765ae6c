import { unwatchFile, watchFile } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { readLocalEnvironment } from '../../lib/cli/environment.ts';
import { watchEnvironment } from '../../lib/local/environment-changes.ts';
import { wait } from '../support/wait.ts';

it('applies changes of .env and reports their names, not their values, or why it cannot be used', async () => {
  await using parts = new AsyncDisposableStack();
  const root = await mkdtemp(path.join(tmpdir(), 'environment-changes-'));
  parts.defer(() => rm(root, { recursive: true }));
  const notices: string[] = [];
  let writes = 0;
  // Repeated with another size: a write before the first look at the file is no change.
  const writeUntil = (text: string, check: () => void) =>
    vi.waitFor(async () => {
      writes += 1;
      await writeFile(path.join(root, '.env.new'), `${text}\n${'\n'.repeat(writes)}`);
      await rename(path.join(root, '.env.new'), path.join(root, '.env'));
      check();
    }, wait);

  await writeFile(path.join(root, '.env'), 'SAME=1\nCHANGED=old\nREMOVED=1\n');
  const environment = await readLocalEnvironment(root);
  const changes: Record<string, string>[] = [];
  parts.defer(
    watchEnvironment({
      root,
      environment,
      check({ REJECTED }) {
        if (REJECTED !== undefined) throw new Error('REJECTED is not allowed.');
      },
      onChange: () => changes.push({ ...environment }),
      onNotice: (text) => notices.push(text),
    }),
  );
  const text = 'SAME=1\nCHANGED=a secret\nADDED=1';
  const applied = '.env has changed (CHANGED, REMOVED, ADDED). The next invocations use the new values.';
  await writeUntil(text, () => expect(notices).toEqual([applied]));
  expect(changes).toEqual([expect.objectContaining({ SAME: '1', CHANGED: 'a secret', ADDED: '1' })]);
  expect(changes[0]).not.toHaveProperty('REMOVED');

  const restart = '.env has changed (PORT). Restart npm start to apply it.';
  await writeUntil(`${text}\nPORT=1`, () => expect(notices.slice(1)).toEqual([restart]));
  expect(environment).not.toHaveProperty('PORT');
  const changeAgain = vi.fn();
  watchFile(path.join(root, '.env'), changeAgain);
  parts.defer(() => unwatchFile(path.join(root, '.env'), changeAgain));
  await writeUntil(`${text}\nPORT=1`, () => expect(changeAgain).toHaveBeenCalled());

  const unusable = /^\.env has changed, but cannot be used\. \.env, line 2: /;
  await writeUntil('SAME=1\nnot an assignment', () => expect(notices.at(-1)).toMatch(unusable));
  const rejected = '.env has changed, but cannot be used. REJECTED is not allowed.';
  await writeUntil('REJECTED=1', () => expect(notices.at(-1)).toBe(rejected));
  // Each only once, and nothing of what cannot be used is applied.
  expect(notices).toHaveLength(4);
  expect(changes).toHaveLength(1);
});
