import { existsSync, realpathSync } from 'node:fs';
import { mkdir, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import type {
  BuildOptions,
  Message,
  Metafile,
  OnLoadResult,
  OnResolveArgs,
  OnResolveResult,
  Plugin,
  PluginBuild,
} from 'esbuild';
import { EXTENSIONS_FILE, readExtensions } from './extensions.ts';
import { containingPackage, dependenciesOf, packageName, readLockedPackages } from './locked-packages.ts';
import { analyzePackages, type PackageAnalysis } from './package-analysis.ts';
import type { PackageImports } from './package-imports.ts';
import { PLATFORM_SDK } from './shared-platform-sdk.ts';

const NAMESPACE = 'installed-packages';

/**
 * Keeps packages that do not work in a bundle out of it: they are installed next to it, in `node_modules`. These are the
 * packages that the user lists in `extensions.yml` and those that {@link analyzePackages} finds. The packages that they
 * depend on are installed anyway, so they are not bundled either: two copies of a class would not recognize each other's
 * instances.
 *
 * @param root the project's folder
 * @param depth the number of folders between the bundle and `node_modules`, or `undefined` if nothing can be installed next
 *   to the bundle: the packages are bundled, but reported
 */
export function installedPackages(root: string, depth: number | undefined, { find }: PackageImports): Plugin {
  return {
    name: NAMESPACE,
    setup(build) {
      let analyzed = '';
      let installed = new Set<string>();
      let reasons = new Map<string, string>();
      let analysis: PackageAnalysis = { reasons: new Map(), missing: new Set() };
      let isUsed = false;
      build.onStart(async () => {
        const { packages: imported } = await find();
        isUsed = imported.length > 0;
        if (!isUsed) return undefined;
        const packages = depth === undefined ? [] : (await readExtensions(root)).packages;
        const absent = packages.find((name) => !existsSync(path.join(root, 'node_modules', name)));
        if (absent !== undefined) {
          const text = `${EXTENSIONS_FILE} lists the package ${absent}, which is not installed. Run: npm install ${absent}`;
          return { errors: [{ text }] };
        }
        // A rebuild after a change of the user's code need not repeat the analysis.
        const input = JSON.stringify([imported, packages, await lastInstallation(root)]);
        if (analyzed === input) return undefined;
        const locked = await readLockedPackages(root);
        const withDependencies = (names: string[]) =>
          new Set([...names, ...[...dependenciesOf(names, locked)].flatMap((file) => topLevelName(file) ?? [])]);
        analysis = await analyzePackages(imported, withDependencies(packages), build.initialOptions);
        reasons = new Map([
          ...analysis.reasons,
          ...packages.map((name) => [name, `listed in ${EXTENSIONS_FILE}`] as const),
        ]);
        if (depth !== undefined) installed = withDependencies([...reasons.keys()]);
        analyzed = input;
        return undefined;
      });
      build.onEnd(({ warnings }) => {
        if (isUsed) warnings.push(toWarning({ reasons, missing: analysis.missing }));
      });

      // esbuild reports real paths.
      const realRoot = realpathSync(root);
      const library = path.join(realRoot, 'lib') + path.sep;
      const isInstalled = ({ path: imported, importer, resolveDir }: OnResolveArgs) =>
        installed.has(packageName(imported)) &&
        packageName(imported) !== PLATFORM_SDK &&
        !importer.startsWith(library) &&
        isTopLevel(packageName(imported), resolveDir, realRoot);
      build.onResolve({ filter: /^[@\w]/, namespace: 'file' }, (imported): OnResolveResult | undefined => {
        if (!isUsed || !(isInstalled(imported) || isMissing(imported, analysis))) return undefined;
        // An import statement would load the package when the function starts, and fail all handlers if it fails.
        if (imported.kind !== 'import-statement') return { path: imported.path, external: true };
        return { path: imported.path, namespace: NAMESPACE };
      });
      build.onResolve({ filter: /.*/, namespace: NAMESPACE }, ({ path: imported }) => ({
        path: imported,
        external: true,
      }));
      build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path: imported }) =>
        depth === undefined || analysis.missing.has(imported)
          ? requireCommonJs(imported)
          : requireInstalled(build, root, depth, imported),
      );
    },
  };
}

/** What the plugin found, for the report of a deployment. */
export interface PackageReport {
  /** Why packages are not bundled, by their name. */
  reasons: ReadonlyMap<string, string>;
  /** What packages import that is not installed. */
  missing: ReadonlySet<string>;
}

/** Reads the plugin's report from the result of a build. */
export function packageReport(warnings: Message[]): PackageReport | undefined {
  return warnings.find(({ pluginName }) => pluginName === NAMESPACE)?.detail;
}

function toWarning(report: PackageReport): Message {
  const text = 'Some packages are not bundled.';
  return { id: '', pluginName: NAMESPACE, text, location: null, notes: [], detail: report };
}

/** Returns the packages that a bundle loads from `node_modules`, without those that are not installed in the project. */
export function usedPackages(root: string, { outputs }: Metafile): string[] {
  const imports = Object.values(outputs).flatMap((output) => output.imports.filter(({ external }) => external));
  const names = imports.map(({ path: imported }) => containingPackage(imported) ?? packageName(imported));
  return [...new Set(names)]
    .filter((name) => /^[@\w]/.test(name) && name !== PLATFORM_SDK)
    .filter((name) => existsSync(path.join(root, 'node_modules', name)))
    .toSorted();
}

/**
 * Makes a bundle find its packages in the project's `node_modules`, for a bundle that runs on this machine.
 *
 * @param root the project's folder
 * @param outdir the folder of the bundle
 */
export async function linkPackages(root: string, outdir: string, metafile: Metafile): Promise<void> {
  await Promise.all(
    usedPackages(root, metafile).map(async (name) => {
      const link = path.join(outdir, 'node_modules', name);
      await mkdir(path.dirname(link), { recursive: true });
      // Windows allows everybody to create junctions.
      await symlink(path.join(root, 'node_modules', name), link, 'junction').catch(ignoreExisting);
    }),
  );
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

/** Returns when npm last changed what is installed, in milliseconds since the epoch. */
async function lastInstallation(root: string): Promise<number | undefined> {
  const { mtimeMs } = (await stat(path.join(root, 'package-lock.json')).catch(() => undefined)) ?? {};
  return mtimeMs;
}

function isMissing({ path: imported, importer }: OnResolveArgs, { missing }: PackageAnalysis): boolean {
  return missing.has(imported) && containingPackage(importer) !== undefined;
}

/** Whether a package is the one in the project's `node_modules`, not another version in those of the importing package. */
function isTopLevel(name: string, importingFolder: string, root: string): boolean {
  const topLevel = path.join(root, 'node_modules');
  for (let folder = importingFolder; ; folder = path.dirname(folder)) {
    const modules = path.join(folder, 'node_modules');
    if (modules === topLevel || path.dirname(folder) === folder) return true;
    if (existsSync(path.join(modules, name))) return false;
  }
}

function topLevelName(location: string): string | undefined {
  const name = location.slice('node_modules/'.length);
  return name.includes('/node_modules/') ? undefined : name;
}

function requireCommonJs(imported: string): OnLoadResult {
  return { contents: `module.exports = require(${JSON.stringify(imported)});` };
}

/**
 * Returns a module that loads an installed package when it is evaluated. The module has the exports that Node would
 * give an import statement: of an ES module those of the same file, otherwise those of CommonJS.
 */
async function requireInstalled(
  { esbuild }: PluginBuild,
  root: string,
  depth: number,
  imported: string,
): Promise<OnLoadResult> {
  const options: BuildOptions = {
    absWorkingDir: root,
    entryPoints: [imported],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    // As Node resolves packages: by `exports` or `main`.
    mainFields: ['main'],
    conditions: [],
    loader: { '.node': 'empty', '.wasm': 'empty', '.html': 'empty', '.css': 'empty' },
    outdir: 'unused',
    logLevel: 'silent',
    plugins: [onlyPackage(imported)],
  };
  // An optional dependency of another package may not be installed.
  const { metafile } = await esbuild.build(options).catch(() => ({ metafile: undefined }));
  const [{ entryPoint = '', exports: names = [] } = {}] = Object.values(metafile?.outputs ?? {});
  if (metafile?.inputs[entryPoint]?.format !== 'esm') return requireCommonJs(imported);
  // `require` of the package's name could choose another file.
  const [, inPackages] = /(?:^|\/)(node_modules\/.+)/.exec(entryPoint) ?? [];
  const file = inPackages === undefined ? imported : `${'../'.repeat(depth) || './'}${inPackages}`;
  const declarations = names.map((name, index) => `const _${index} = module.${name};`);
  const exported = names.map((name, index) => `_${index} as ${name}`);
  return {
    contents: `const module = require(${JSON.stringify(file)});\n${declarations.join('\n')}\nexport { ${exported} };`,
  };
}

/** Other packages do not matter for the exports. */
function onlyPackage(imported: string): Plugin {
  return {
    name: 'only-package',
    setup(build) {
      build.onResolve({ filter: /^[@\w]/ }, ({ path: name, kind }) =>
        kind === 'entry-point' || packageName(name) === packageName(imported)
          ? undefined
          : { path: name, external: true },
      );
    },
  };
}
