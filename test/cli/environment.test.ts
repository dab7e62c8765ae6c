import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readEnvironmentFile } from '../../lib/cli/environment.ts';

test('a .env of up to 64 KiB is read, a larger one is rejected', async () => {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-'));
  const file = path.join(folder.path, '.env');
  const lineOf = (bytes: number) => `NAME=${'x'.repeat(bytes - 'NAME='.length)}`;
  await writeFile(file, lineOf(65_536));
  expect((await readEnvironmentFile(file)).NAME).toHaveLength(65_531);
  await writeFile(file, lineOf(65_537));
  await expect(readEnvironmentFile(file)).rejects.toThrow(`${file} is larger than 65536 bytes`);
});

test('a missing .env sets no variables', async () => {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-'));
  expect(await readEnvironmentFile(path.join(folder.path, '.env'))).toEqual({});
});
