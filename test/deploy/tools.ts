import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

export const run = promisify(execFile);

export const ROOT = path.resolve(import.meta.dirname, '../..');

/**
 * Installs a tool for the deployment tests once, into a folder that git ignores.
 *
 * @param name the folder's name, which must contain the version
 * @param install installs the tool into the given folder; after a failure, the next call starts over
 * @returns the folder
 */
export async function installOnce(name: string, install: (folder: string) => Promise<void>): Promise<string> {
  const folder = path.join(ROOT, '.tools', name);
  const marker = path.join(folder, '.installed');
  if (existsSync(marker)) return folder;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await install(folder);
  // Rename, so that an interrupted write leaves no marker.
  await writeFile(`${marker}.new`, '');
  await rename(`${marker}.new`, marker);
  return folder;
}
