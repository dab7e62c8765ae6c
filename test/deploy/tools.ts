import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

export const run = promisify(execFile);

export const ROOT = path.resolve(import.meta.dirname, '../..');

/**
 * Installs a tool of the deployment tests once, into a folder that git ignores.
 *
 * @param name holds the version, so that another version is another folder
 * @param install fills the folder that it is given; one that failed leaves nothing behind
 * @returns the folder
 */
export async function installOnce(name: string, install: (folder: string) => Promise<void>): Promise<string> {
  const folder = path.join(ROOT, '.tools', name);
  const mark = path.join(folder, '.installed');
  if (existsSync(mark)) return folder;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await install(folder);
  // Renamed, so that an interrupted write is no mark.
  await writeFile(`${mark}.new`, '');
  await rename(`${mark}.new`, mark);
  return folder;
}
