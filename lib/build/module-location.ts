import { readdirSync, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Loader, Plugin } from 'esbuild';

/** Expressions that would describe the bundle instead of the module, and the constants that replace them. */
const CONSTANTS = {
  url: '__importMetaUrl',
  filename: '__importMetaFilename',
  dirname: '__importMetaDirname',
} as const;

/** The esbuild option `define` that replaces the expressions. */
export const LOCATION_DEFINITIONS = {
  'import.meta.url': CONSTANTS.url,
  'import.meta.filename': CONSTANTS.filename,
  'import.meta.dirname': CONSTANTS.dirname,
  // Globals that CommonJS packages expect.
  __filename: CONSTANTS.filename,
  __dirname: CONSTANTS.dirname,
};

/** Code for the start of a bundle. Applies to modules that do not declare the constants: they see the bundle's location. */
export const BUNDLE_LOCATION = Object.entries(CONSTANTS)
  .map(([property, name]) => `const ${name}=import.meta.${property};`)
  .join('');

/** The bundle's folder, also where a module declares the constants. */
const BUNDLE_FOLDER = '__bundleFolder';
/** Code for the start of a bundle with {@link sourceLocation}. */
export const BUNDLE_FOLDER_LOCATION = `const ${BUNDLE_FOLDER}=import.meta.dirname;`;

const USES_LOCATION = /\bimport\.meta\b|\b__(?:dir|file)name\b/;

/** Returns whether a module's code depends on where its file is. */
export function usesLocation(source: string): boolean {
  return USES_LOCATION.test(source);
}

/**
 * Declares the constants in front of a module's code, on the same line.
 *
 * @param file a JavaScript expression for the module's path
 * @param source the module's code
 */
export function withLocation(file: string, source: string): string {
  const builtin = (name: string) => `process.getBuiltinModule("${name}")`;
  const constants = [
    `${CONSTANTS.filename} = ${file}`,
    `${CONSTANTS.dirname} = ${builtin('path')}.dirname(${CONSTANTS.filename})`,
    `${CONSTANTS.url} = ${builtin('url')}.pathToFileURL(${CONSTANTS.filename}).href`,
  ];
  // A comment in the first line must stay the first in its line.
  const [hashbang = ''] = /^#!.*\n/.exec(source) ?? [];
  return `${hashbang}const ${constants.join(', ')}; ${source.slice(hashbang.length)}`;
}

/** Returns esbuild's loader for a file of code. */
export function codeLoader(file: string): Loader {
  const [, language] = /\.[cm]?([jt]sx?)$/.exec(file) ?? [];
  return language as Loader;
}

/**
 * Keeps `import.meta.url`, `import.meta.dirname`, `__dirname` and similar expressions in the user's modules those of the
 * source file, so that the modules find files next to them. The path is relative to the bundle: an artifact contains the
 * files at their paths in the project. Packages in `node_modules` that look for files are not bundled.
 *
 * @param root the project's folder
 * @param bundleFolder the folder of the bundle
 */
export function sourceLocation(root: string, bundleFolder: string): Plugin {
  return {
    name: 'source-location',
    setup(build) {
      const realRoot = realpathSync(root);
      build.onLoad({ filter: userModules(realRoot) }, async ({ path: file }) => {
        const source = await readFile(file, 'utf8');
        if (!usesLocation(source)) return undefined;
        const relative = JSON.stringify(path.relative(realPath(bundleFolder), file).replaceAll(path.sep, '/'));
        const location = `process.getBuiltinModule("path").resolve(${BUNDLE_FOLDER}, ${relative})`;
        return { contents: withLocation(location, source), loader: codeLoader(file) };
      });
    },
  };
}

/** Matches all code except the template's and packages. A filter that also matches packages would slow the build down. */
function userModules(root: string): RegExp {
  const folders = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !/^(lib|node_modules|\..*)$/.test(entry.name))
    .map(({ name }) => `${escapePattern(name)}${SEPARATOR}.+`);
  return new RegExp(`^${escapePattern(root)}${SEPARATOR}(${['[^/\\\\]+', ...folders].join('|')})\\.[cm]?[jt]sx?$`);
}

const SEPARATOR = '[/\\\\]';

function escapePattern(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** The folder may not exist yet. */
function realPath(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    const { dir, base } = path.parse(folder);
    return path.join(realPath(dir), base);
  }
}
