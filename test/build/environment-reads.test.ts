import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findEnvironmentReads } from '../../lib/build/environment-reads.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'feishu-events-reads-'));
});
afterEach(() => rm(root, { recursive: true }));

async function readsOf(source: string): Promise<string[]> {
  await writeFile(path.join(root, 'handler.ts'), source);
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['handler.ts'],
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  return [...(await findEnvironmentReads(root, metafile)).keys()];
}

it.each([
  ['process.env.ONE', ['ONE']],
  ["process.env['ONE'] ?? process.env?.TWO", ['ONE', 'TWO']],
  ["const { ONE, TWO: two, THREE = 'x' } = process.env;", ['ONE', 'TWO', 'THREE']],
  ['// process.env.ONE\n/* process.env.TWO */', []],
  ['process.env[name]; f(process.env); const copy = { ...process.env };', []],
])('finds the names in %j', async (source, names) => {
  expect(await readsOf(source)).toEqual(names);
});
