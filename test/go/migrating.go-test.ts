import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readDocument } from '../documents/document.ts';

const OFFICIAL_SDK = 'github.com/larksuite/oapi-sdk-go/v3@v3.5.1';

test('The Go code in docs/migrating.md compiles with the official SDK and is formatted', async () => {
  const examples = readDocument('docs/migrating.md').codeBlocks.filter(({ lang }) => lang === 'go');
  expect(examples).toHaveLength(1);
  const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-go-'));
  const go = (...args: string[]) => {
    const { error, status, stdout, stderr } = spawnSync('go', args, {
      cwd: folder,
      env: { ...process.env, GOFLAGS: '-mod=mod' },
      encoding: 'utf8',
    });
    if (error !== undefined) throw new Error('This test needs Go (on Debian: golang-go).', { cause: error });
    expect(status, `go ${args.join(' ')}\n${stdout}${stderr}`).toBe(0);
    return stdout;
  };
  try {
    await writeFile(path.join(folder, 'server.go'), `${examples[0]?.text}\n`);
    go('mod', 'init', 'example');
    go('get', OFFICIAL_SDK);
    go('vet', './...');
    expect(go('fmt', './...')).toBe('');
  } finally {
    await rm(folder, { recursive: true });
  }
});
