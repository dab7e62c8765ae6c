import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const FOLDER = path.join(import.meta.dirname, 'comparators');

/** Installs the dependencies of the programs in `comparators`. */
export async function installComparators(): Promise<void> {
  if (existsSync(path.join(FOLDER, 'node_modules'))) return;
  console.error('Installing the alternatives …');
  await promisify(execFile)('npm', ['ci', '--no-audit', '--no-fund'], { cwd: FOLDER });
}

export function comparator(name: string): string {
  return path.join(FOLDER, name);
}

/**
 * Bundles a comparator with esbuild's defaults.
 *
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
