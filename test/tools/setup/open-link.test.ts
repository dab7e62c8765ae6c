import { chmod, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openLink } from '../../../lib/tools/setup/open-link.ts';
import { wait } from '../../support/wait.ts';

const LINK = new URL('https://accounts.feishu.cn/page/registration?user_code=ABCD-EFGH&from=sdk');
/** By platform. Windows would need a program, not a script. */
const PROGRAM = { darwin: 'open', linux: 'xdg-open' }[String(process.platform)];

let folder: Awaited<ReturnType<typeof mkdtempDisposable>>;
const savedPath = process.env.PATH;
beforeEach(async () => {
  folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-open-'));
  process.env.PATH = folder.path;
});
afterEach(async () => {
  process.env.PATH = savedPath;
  await folder.remove();
});

it.runIf(PROGRAM)("opens the link with the system's program, with the whole query", async () => {
  const program = path.join(folder.path, PROGRAM ?? '');
  const opened = path.join(folder.path, 'opened');
  await writeFile(program, `#!/bin/sh\nprintf %s "$*" > '${opened}'\n`);
  await chmod(program, 0o755);
  const onError = vi.fn();
  openLink(LINK, onError);
  await vi.waitFor(async () => expect(await readFile(opened, 'utf8')).toBe(LINK.href), wait);
  expect(onError).not.toHaveBeenCalled();
});

it('reports that there is no such program', async () => {
  const onError = vi.fn();
  openLink(LINK, onError);
  await vi.waitFor(() => expect(onError).toHaveBeenCalledWith(expect.stringContaining('ENOENT')), wait);
});
