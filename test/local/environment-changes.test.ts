import { unwatchFile, watchFile } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { readLocalEnvironment } from '../../lib/cli/environment.ts';
import { reportEnvironmentChanges } from '../../lib/local/environment-changes.ts';
import { wait } from '../support/wait.ts';

it('reports the names of changed variables of .env, not their values, and why it cannot be read', async () => {
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
  parts.defer(reportEnvironmentChanges(root, await readLocalEnvironment(root), (text) => notices.push(text)));
  const changed = '.env has changed (CHANGED, REMOVED, ADDED). Restart npm start to apply it.';
  const text = 'SAME=1\nCHANGED=a secret\nADDED=1';
  await writeUntil(text, () => expect(notices).toEqual([changed]));
  const changeAgain = vi.fn();
  watchFile(path.join(root, '.env'), changeAgain);
  parts.defer(() => unwatchFile(path.join(root, '.env'), changeAgain));
  await writeUntil(text, () => expect(changeAgain).toHaveBeenCalled());
  const unusable = /^\.env has changed, but cannot be used\. \.env, line 2: /;
  await writeUntil('SAME=1\nnot an assignment', () => expect(notices.at(-1)).toMatch(unusable));
  // The first one only once.
  expect(notices).toHaveLength(2);
});
