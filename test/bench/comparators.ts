import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const FOLDER = path.join(import.meta.dirname, 'comparators');

/** Installs what the programs of `comparators` need, which the template itself does not. */
export async function installComparators(): Promise<void> {
  if (existsSync(path.join(FOLDER, 'node_modules'))) return;
  console.error('Installing the alternatives that are compared with …');
  await promisify(execFile)('npm', ['ci', '--no-audit', '--no-fund'], { cwd: FOLDER });
}

export function comparator(name: string): string {
  return path.join(FOLDER, name);
}

/**
 * Bundles a comparator.
 *
 * @param minify what `esbuild` does not do unless told
 * @returns the size in bytes
 */
export async function bundleComparator(name: string, outfile: string, minify = false): Promise<number> {
  const { metafile } = await build({
    entryPoints: [comparator(name)],
    bundle: true,
    platform: 'node',
    outfile,
    minify,
    metafile: true,
    logLevel: 'error',
  });
  return Object.values(metafile.outputs).reduce((sum, { bytes }) => sum + bytes, 0);
}
