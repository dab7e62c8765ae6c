import { chmod, mkdtempDisposable, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeEnvironmentFile, setVariable } from '../../lib/cli/change-environment-file.ts';
import { runs } from '../support/volume.ts';

describe('setVariable', () => {
  it.each([
    ['an empty file', '', 'ID=new\n'],
    ['a file without the variable', 'A=1\n', 'A=1\nID=new\n'],
    ['a last line without a line feed', 'A=1', 'A=1\nID=new\n'],
    [
      'its line, with the spaces and the comment',
      'A=1\n  export ID = old # why\nB=2\n',
      'A=1\n  export ID = new # why\nB=2\n',
    ],
    ['an empty value', 'ID=\nB=2\n', 'ID=new\nB=2\n'],
    ['a value in quotes', 'ID="old # not a comment" # why\n', 'ID=new # why\n'],
    ['a value of several lines', "ID='old\nB=1'\nB=2\n", 'ID=new\nB=2\n'],
    ['the last of several assignments, which counts', 'ID=1\nID=2\n', 'ID=1\nID=new\n'],
    [
      'the line after a placeholder',
      '# For handlers\n# ID=cli_…\n# B=…\n',
      '# For handlers\n# ID=cli_…\nID=new\n# B=…\n',
    ],
    ['not the text of another value', 'A="\nID=old"\n', 'A="\nID=old"\nID=new\n'],
    ['not a variable whose name contains its name', 'MY_ID=1\nIDS=2\n', 'MY_ID=1\nIDS=2\nID=new\n'],
    ['a file with the line ends of Windows', 'A=1\r\nID=old\r\nB=2\r\n', 'A=1\r\nID=new\r\nB=2\r\n'],
  ])('changes %s', (_, text, expected) => {
    expect(setVariable(text, 'ID', 'new')).toBe(expected);
  });

  it('keeps every other variable, and any value that can be written', () => {
    const name = fc.constantFrom('A', 'B', 'ID');
    const value = fc.string({ unit: fc.constantFrom('a', '#', "'", '"', '`', ' ', '=', '\\', 'n', '$') });
    fc.assert(
      fc.property(fc.dictionary(name, value), name, value, (variables, changed, newValue) => {
        // Of the three kinds of quotes, only double ones change what is between them.
        const isWritable = (text: string) => ["'", '`'].some((quote) => !text.includes(quote)) || !/"|\\n/.test(text);
        const kept = Object.entries(variables).filter(([, text]) => isWritable(text));
        fc.pre(isWritable(newValue));
        const text = kept.reduce((content, [key, item]) => setVariable(content, key, item), '# comment\n');
        expect(parseEnv(setVariable(text, changed, newValue))).toEqual({
          ...Object.fromEntries(kept),
          [changed]: newValue,
        });
      }),
      { numRuns: runs(2_000) },
    );
  });

  it.each(['two\nlines', `'"\``])('rejects a value that cannot be written, without showing it', (value) => {
    expect(() => setVariable('', 'ID', value)).toThrow('The value of ID cannot be written to .env.');
  });
});

describe('changeEnvironmentFile', () => {
  it('creates a file that only its owner can read', async () => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-env-'));
    const file = path.join(folder.path, '.env');
    await changeEnvironmentFile(file, { A: '1', B: '2' });
    expect(await readFile(file, 'utf8')).toBe('A=1\nB=2\n');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('restricts an existing file, keeps a symbolic link, and leaves no other file', async () => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-env-'));
    const target = path.join(folder.path, 'shared.env');
    await writeFile(target, 'A=1\n');
    await writeFile(`${target}.new`, 'interrupted', { mode: 0o644 });
    await chmod(target, 0o644);
    await symlink(target, path.join(folder.path, '.env'));
    await changeEnvironmentFile(path.join(folder.path, '.env'), { A: '2' });
    expect(await readFile(target, 'utf8')).toBe('A=2\n');
    expect((await stat(target)).mode & 0o777).toBe(0o600);
    expect((await readdir(folder.path)).sort()).toEqual(['.env', 'shared.env']);
  });
});
