import { mkdir, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { offerStart } from '../../../lib/tools/setup/offer-start.ts';
import { FakeTerminal } from './fake-terminal.ts';

let folder: Awaited<ReturnType<typeof mkdtempDisposable>>;
let listeners: NodeJS.SignalsListener[];
beforeEach(async () => {
  listeners = process.listeners('SIGINT') as NodeJS.SignalsListener[];
  folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-start-'));
  await mkdir(path.join(folder.path, 'lib/local'), { recursive: true });
  await mkdir(path.join(folder.path, 'lib/cli'));
  await writeFile(path.join(folder.path, 'lib/cli/node-version.cjs'), '');
  // Reports how it was started, in place of the local stack.
  await writeFile(
    path.join(folder.path, 'lib/local/start.ts'),
    `import { writeFileSync } from 'node:fs';
    writeFileSync('started', JSON.stringify([process.argv.slice(2), process.env.MARK ?? null]));
    process.exitCode = 3;`,
  );
});
afterEach(async () => {
  process.removeAllListeners('SIGINT');
  for (const listener of listeners) process.on('SIGINT', listener);
  await folder.remove();
});

const started = () => readFile(path.join(folder.path, 'started'), 'utf8');

it('starts the bot after a confirmation, and returns its exit code', async () => {
  const terminal = new FakeTerminal();
  const offered = offerStart(folder.path, { PATH: process.env.PATH, MARK: 'mine' }, terminal);
  await terminal.answer('Start it now? [Y/n]', '');
  expect(await offered).toBe(3);
  expect(JSON.parse(await started())).toEqual([['--long-connection'], 'mine']);
  expect(terminal.text).toContain('write to your bot.\n');
});

it.each([
  ['the answer is no', new FakeTerminal(), 'n'],
  ['there is no terminal', new FakeTerminal({ isTTY: false }), undefined],
])('does not start it if %s', async (_, terminal, answer) => {
  const offered = offerStart(folder.path, {}, terminal);
  if (answer !== undefined) await terminal.answer('Start it now?', answer);
  expect(await offered).toBeUndefined();
  await expect(started()).rejects.toThrow('ENOENT');
});
