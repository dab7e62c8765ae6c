import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Metafile } from 'esbuild';
import { usesLocation } from './module-location.ts';

export interface ReferencedFiles {
  /** Files, and folders with a trailing slash, relative to the project's folder. */
  files: string[];
  /** What the user should know. */
  warnings: string[];
}

const FOLDER = String.raw`(?:import\.meta\.dirname|__dirname)`;

/** Expressions for a file near the module. The named groups are the literal start of its path. */
const REFERENCES: readonly RegExp[] = [
  /new URL\(\s*(?<quote>['"`])(?<url>[^'"`$:]+)\k<quote>\s*,\s*import\.meta\.url\s*,?\s*\)/g,
  // new URL(`./templates/${name}`, import.meta.url)
  /new URL\(\s*`(?<folder>[^'"`$:]*\/)[^`]*`\s*,\s*import\.meta\.url\s*,?\s*\)/g,
  // path.join(import.meta.dirname, 'templates', name)
  new RegExp(String.raw`\b(?:join|resolve)\(\s*${FOLDER}(?<parts>(?:\s*,\s*(?:'[^']*'|"[^"]*"))+)`, 'g'),
  // `${__dirname}/templates/${name}`
  new RegExp(String.raw`\$\{${FOLDER}\}\/(?<folder>[^\`$]*\/)\$`, 'g'),
  new RegExp(String.raw`\$\{${FOLDER}\}\/(?<file>[^\`$]+)\``, 'g'),
  // __dirname + '/templates/' + name
  new RegExp(String.raw`${FOLDER}\s*\+\s*(?:'\/(?<single>[^']+)'|"\/(?<double>[^"]+)")`, 'g'),
];

/** Whole lines: a text such as a URL can contain `//`. */
const COMMENTS = /^\s*\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;

/** Does not find files. */
const OTHER_USES = /\bcreateRequire\(\s*(?:import\.meta\.(?:url|filename)|__filename)\s*\)|\bimport\.meta\.main\b/g;

/**
 * Finds the files that the user's modules read at run time: those in expressions such as
 * `new URL('./prompt.txt', import.meta.url)` and `path.join(import.meta.dirname, 'templates', name)`. If only the start
 * of a path is known, its folder is included.
 *
 * @param root the project's folder
 * @param metafile of the bundle
 */
export async function findReferencedFiles(root: string, { inputs }: Metafile): Promise<ReferencedFiles> {
  const modules = Object.keys(inputs).filter((file) => /^(?!lib\/|[\w-]+:).*\.[cm]?[jt]sx?$/.test(file));
  const own = modules.filter((file) => !/(^|\/)node_modules\//.test(file));
  const results = await Promise.all(own.map((file) => inspectModule(root, file)));
  const files = results.flatMap((result) => result.files);
  return { files: [...new Set(files)].toSorted(), warnings: results.flatMap(({ warnings }) => warnings) };
}

async function inspectModule(root: string, module: string): Promise<ReferencedFiles> {
  const source = (await readFile(path.join(root, module), 'utf8')).replaceAll(COMMENTS, '');
  if (!usesLocation(source)) return { files: [], warnings: [] };
  const folder = path.dirname(path.join(root, module));
  const matches = REFERENCES.flatMap((pattern) => [...source.matchAll(pattern)]);
  const targets = matches.map(({ groups = {} }) => path.resolve(folder, ...readPath(groups)));
  const found = await Promise.all(targets.map((target) => describe(root, module, target)));
  const rest = REFERENCES.reduce((text, pattern) => text.replaceAll(pattern, ''), source).replaceAll(OTHER_USES, '');
  const unclear = /\bimport\.meta\.(?:url|(?:dir|file)name)\b|\b__(?:dir|file)name\b/.test(rest)
    ? [
        `${module} uses its location in a way that the build cannot follow. If it reads files, write them as new URL('./file.txt', import.meta.url), or add them to the function's package.patterns.`,
      ]
    : [];
  return {
    files: found.flatMap(({ file }) => file ?? []),
    warnings: [...found.flatMap(({ warning }) => warning ?? []), ...unclear],
  };
}

function readPath(groups: Record<string, string | undefined>): string[] {
  const { url, folder, file, single, double, parts } = groups;
  if (parts !== undefined) return [...parts.matchAll(/'([^']*)'|"([^"]*)"/g)].map(([, a, b]) => a ?? b ?? '');
  if (url !== undefined) return [decodeURIComponent(url)];
  return [folder ?? file ?? single ?? double ?? ''];
}

async function describe(root: string, module: string, target: string): Promise<{ file?: string; warning?: string }> {
  const relative = path.relative(root, target).replaceAll(path.sep, '/');
  if (relative.startsWith('../') || path.isAbsolute(relative)) {
    return { warning: `${module} reads ${target}, which is outside the project and will not be deployed.` };
  }
  const kind = await stat(target).catch(() => undefined);
  if (kind === undefined) return { warning: `${module} reads ${relative}, which does not exist.` };
  if (!kind.isDirectory()) return { file: relative };
  // For example the project's folder, to which the module adds a path later.
  if (`${module}/`.startsWith(`${relative}/`) || relative === '') {
    return { warning: `${module} reads files in ${relative || '.'}: add them to the function's package.patterns.` };
  }
  return { file: `${relative}/` };
}
