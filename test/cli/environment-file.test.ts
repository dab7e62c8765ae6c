import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readEnvironmentFile } from '../../lib/cli/environment-file.ts';

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

test('a folder named .env is rejected', async () => {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-'));
  await mkdir(path.join(folder.path, '.env'));
  await expect(readEnvironmentFile(path.join(folder.path, '.env'))).rejects.toThrow(/\.env is a folder\. Move it away/);
});

describe('a malformed line is rejected with its number, never with its text', () => {
  test.each([
    ['A=1\n\n# comment\nprivate text', 4, 'not NAME=value'],
    ['A="private\ntext"\nprivate', 3, 'not NAME=value'],
    ['=private', 1, 'not NAME=value'],
    ['A=1\nB="private', 2, 'the closing " is missing'],
    ["A='private' text", 1, "text follows the closing '"],
    ['A=1\r\nprivate\r\n', 2, 'not NAME=value'],
  ])('%j', async (text, line, description) => {
    const error = await read(text).catch((reason) => reason);
    expect(error.message).toMatch(`.env, line ${line}: ${description}`);
    expect(error.message).not.toContain('private');
  });
});

test('comments, exports, empty values and quoted values of several lines are read', async () => {
  const text = '# c\nexport A=1\nB=\nC = "x\ny" # c\n  D=\'#\'\r\nE=a=b "c"\nF=`q`';
  expect(await read(text)).toEqual({ A: '1', B: '', C: 'x\ny', D: '#', E: 'a=b "c"', F: 'q' });
});

async function read(text: string) {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-'));
  const file = path.join(folder.path, '.env');
  await writeFile(file, text);
  return await readEnvironmentFile(file);
}
