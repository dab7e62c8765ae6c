import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build, version } from 'esbuild';
import { platformSdkBundle } from '../../build/bundle.ts';

const TEMPLATE_CODE = path.resolve(import.meta.dirname, '../../build');
const SOURCES_FILE = 'sources.json';

/** What the stored files were built from. */
interface Sources {
  files: string[];
  fingerprint: string;
}

/**
 * Writes the official SDK as a deployment bundles it. That takes half a second, so the files are kept in
 * `node_modules/.cache` until a package or the template changes.
 *
 * @param root the project's folder
 * @param outdir the folder of the bundles that load the SDK
 */
export async function writePlatformSdk(root: string, outdir: string): Promise<void> {
  const cache = path.join(root, 'node_modules/.cache/feishu-events/platform-sdk');
  const bundle = platformSdkBundle(root, outdir, { isWhole: true });
  const folder = path.dirname(bundle.outfile);
  if (await copyIfCurrent(cache, folder)) return;
  const { metafile } = await build({ ...bundle, metafile: true });
  await store(folder, cache, await listSources(root, Object.keys(metafile.inputs))).catch(() => {
    // The folder is read-only, or another process has stored its files.
  });
}

async function copyIfCurrent(cache: string, folder: string): Promise<boolean> {
  try {
    const { files, fingerprint }: Sources = JSON.parse(await readFile(path.join(cache, SOURCES_FILE), 'utf8'));
    if (fingerprint !== (await fingerprintOf(files))) return false;
    await cp(cache, folder, { recursive: true });
    return true;
  } catch {
    // Nothing is stored, or another process is replacing the files.
    return false;
  }
}

async function listSources(root: string, inputs: readonly string[]): Promise<Sources> {
  // Not what exists only during the build, such as `<stdin>` or `required-builtins:node:util`.
  const packageFiles = inputs.filter((input) => !/^<|^[\w-]{2,}:/.test(input));
  // npm's list of what is installed: after an installation, an import may resolve to another package.
  const files = ['node_modules/.package-lock.json', ...packageFiles].map((file) => path.resolve(root, file));
  return { files, fingerprint: await fingerprintOf(files) };
}

/** Returns a hash of all that the SDK is built from and with: its files, the template's build, and esbuild. */
async function fingerprintOf(files: readonly string[]): Promise<string> {
  const templateFiles = (await readdir(TEMPLATE_CODE)).filter((file) => file.endsWith('.ts'));
  const templateCode = await Promise.all(templateFiles.map((file) => readFile(path.join(TEMPLATE_CODE, file), 'utf8')));
  const packageFiles = files.map(async (file) => {
    const { size, mtimeMs } = await stat(file).catch(() => ({ size: 0, mtimeMs: 0 }));
    return `${file} ${size} ${mtimeMs}`;
  });
  const parts = [version, ...templateCode, ...(await Promise.all(packageFiles))];
  return createHash('sha256').update(parts.join('\n')).digest('hex');
}

/** Stores the files in one step, because several processes may use them. */
async function store(folder: string, cache: string, sources: Sources): Promise<void> {
  await mkdir(path.dirname(cache), { recursive: true });
  const copy = await mkdtemp(`${cache}-`);
  try {
    await cp(folder, copy, { recursive: true });
    await writeFile(path.join(copy, SOURCES_FILE), JSON.stringify(sources));
    await rm(cache, { recursive: true, force: true });
    await rename(copy, cache);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}
