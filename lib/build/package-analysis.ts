import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type BuildFailure, type BuildOptions, build, type Message, type Plugin } from 'esbuild';
import { containingPackage } from './locked-packages.ts';

/** Why packages cannot be bundled, and what they import that is not installed. */
export interface PackageAnalysis {
  /** By the package's name. */
  reasons: Map<string, string>;
  /** Imports of packages by their name, such as `pg-native`. They fail at run time, as without a bundle. */
  missing: Set<string>;
}

/** In the order in which they are reported. */
const UNBUNDLED_CODE: readonly [pattern: RegExp, reason: string][] = [
  [/\b__(?:dir|file)name\b|\bimport\.meta\.(?:url|(?:dir|file)name)\b/, 'finds files in its own folder'],
  [/\brequire\.resolve\(/, 'finds files in its own folder'],
  // `require(name)`, but not the functions of older bundlers, which have their own parameter `require`.
  [/(?<![.\w$])require\(\s*[A-Za-z_$][\w$.]*\s*\)/, 'chooses modules at run time'],
];

const COMMENTS = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;
const MISSING = /^Could not resolve "(.+)"/;

/**
 * Bundles packages by trial to find those that do not work in a bundle: native code, files that are read at run time, and
 * modules chosen at run time.
 *
 * @param imported what the user's modules import, such as `lodash/get`
 * @param installed the packages that are not bundled anyway
 * @param options the esbuild options of the bundle
 */
export async function analyzePackages(
  imported: string[],
  installed: ReadonlySet<string>,
  options: BuildOptions,
): Promise<PackageAnalysis> {
  const root = options.absWorkingDir ?? process.cwd();
  const reasons = new Map<string, string>();
  const missing = new Set<string>();
  const contents = imported.map((name, index) => `import * as _${index} from ${JSON.stringify(name)}; _(_${index});`);
  const leaveOut: Plugin = {
    name: 'leave-out',
    setup(build) {
      const isLeftOut = (name: string) => missing.has(name) || [...installed, ...reasons.keys()].some(isIn(name));
      build.onResolve({ filter: /^[@\w]/ }, ({ path: name }) =>
        isLeftOut(name) ? { path: name, external: true } : undefined,
      );
    },
  };
  const { absWorkingDir, alias, conditions, loader, mainFields, tsconfig } = options;
  const shared = { absWorkingDir, alias, conditions, loader, mainFields, tsconfig };
  // Each attempt leaves out what the previous ones found.
  for (;;) {
    try {
      const { metafile } = await build({
        ...Object.fromEntries(Object.entries(shared).filter(([, value]) => value !== undefined)),
        stdin: { contents: contents.join('\n'), resolveDir: root },
        plugins: [leaveOut],
        bundle: true,
        write: false,
        metafile: true,
        platform: 'node',
        target: 'node24',
        format: 'esm',
        logLevel: 'silent',
        logLimit: 0,
      });
      await Promise.all(Object.keys(metafile.inputs).map((file) => inspect(file, root, reasons)));
      return { reasons, missing };
    } catch (error) {
      const known = reasons.size + missing.size;
      for (const message of (error as BuildFailure).errors ?? []) readError(message, reasons, missing);
      // What is wrong with the user's own imports is reported by the real build.
      if (reasons.size + missing.size === known) return { reasons, missing };
    }
  }
}

function isIn(imported: string) {
  return (name: string) => imported === name || imported.startsWith(`${name}/`);
}

function readError({ text, location }: Message, reasons: Map<string, string>, missing: Set<string>): void {
  const importer = containingPackage(location?.file ?? '');
  if (importer === undefined) return;
  const [, name] = MISSING.exec(text) ?? [];
  if (name !== undefined && /^[@\w]/.test(name)) missing.add(name);
  else if (/\.node\b/.test(text)) reasons.set(importer, 'native code');
  else reasons.set(importer, `cannot be bundled: ${text}`);
}

async function inspect(file: string, root: string, reasons: Map<string, string>): Promise<void> {
  const name = containingPackage(file);
  if (name === undefined || reasons.get(name) === 'native code') return;
  const folder = path.join(root, 'node_modules', name);
  if (['binding.gyp', 'prebuilds'].some((entry) => existsSync(path.join(folder, entry)))) {
    reasons.set(name, 'native code');
    return;
  }
  if (file.endsWith('.wasm')) {
    reasons.set(name, 'imports WebAssembly');
    return;
  }
  const code = (await readFile(path.resolve(root, file), 'utf8')).replaceAll(COMMENTS, '');
  const [, reason] = UNBUNDLED_CODE.find(([pattern]) => pattern.test(code)) ?? [];
  if (reason !== undefined && !reasons.has(name)) reasons.set(name, reason);
}
