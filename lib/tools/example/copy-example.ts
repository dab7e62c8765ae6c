import { existsSync, globSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { mergeExtensions } from './merge-extensions.ts';
import { isShippedSample } from './shipped-samples.ts';

const EXTENSIONS = 'extensions.yml';
const MANIFEST = 'package.json';

/** The content of a file such as `examples/assistant/example.json`. */
interface Example {
  description: string;
  /** The packages that the handlers use, with their versions. */
  dependencies: Record<string, string>;
  /** How to try it with `npm start`. */
  nextSteps: string[];
}

export interface CopiedExample {
  /** One line for each file that was written, and for settings that differ from the example's. */
  report: string[];
  needsInstallation: boolean;
  nextSteps: string[];
}

/** The project already has files with these names, so nothing was written. */
export class ExistingFilesError extends Error {
  override readonly name = 'ExistingFilesError';
}

/** Returns the descriptions of the examples by name. */
export async function listExamples(root: string): Promise<Map<string, string>> {
  const files = globSync('*/example.json', { cwd: path.join(root, 'examples') }).toSorted();
  const names = files.map((file) => path.dirname(file));
  const examples = await Promise.all(names.map((name) => readExample(root, name)));
  return new Map(names.map((name, index) => [name, examples[index]?.description ?? '']));
}

/**
 * Copies the handlers and tests of an example to their places in the project, adds its settings to `extensions.yml` and
 * its packages to `package.json`. Of the project's files, it replaces only unchanged samples of the template.
 *
 * @param name a key of {@link listExamples}
 * @throws {ExistingFilesError} if the project already has a file of the example
 * @throws {Error} if `extensions.yml` or `package.json` cannot be read
 */
export async function copyExample(root: string, name: string): Promise<CopiedExample> {
  const source = path.join(root, 'examples', name);
  const copies = globSync('{functions,tests}/**/*.*', { cwd: source })
    .toSorted()
    .map((file) => {
      const from = file.replaceAll(path.sep, '/');
      // The name differs, so that `vitest test/handlers` does not run the examples' tests.
      return { from, to: from.replace(/^tests\//, 'test/') };
    });
  const replaced = await findReplaced(
    root,
    copies.map(({ to }) => to),
  );
  const { dependencies, nextSteps } = await readExample(root, name);
  const extensions = mergeExtensions(
    await readFile(path.join(root, EXTENSIONS), 'utf8'),
    await readFile(path.join(source, EXTENSIONS), 'utf8'),
  );
  const manifest = addDependencies(await readFile(path.join(root, MANIFEST), 'utf8'), dependencies);

  for (const { from, to } of copies) {
    const target = path.join(root, to);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, await readFile(path.join(source, from)), { flag: replaced.has(to) ? 'w' : 'wx' });
  }
  await writeFile(path.join(root, EXTENSIONS), extensions.text);
  await writeFile(path.join(root, MANIFEST), manifest.text);
  const reportAdded = (file: string, added: string[]) =>
    added.length === 0 ? [] : [`Added to ${file}: ${added.join(', ')}`];
  return {
    report: [
      ...copies.map(({ to }) => (replaced.has(to) ? `Replaced the template's sample ${to}` : `Wrote ${to}`)),
      ...reportAdded(EXTENSIONS, extensions.added),
      ...extensions.kept.map((setting) => `Kept your ${setting} in ${EXTENSIONS}: compare it with the example's`),
      ...reportAdded(MANIFEST, manifest.added),
    ],
    needsInstallation: manifest.added.length > 0,
    nextSteps,
  };
}

/**
 * Returns those files that exist as samples of the template.
 *
 * @throws {ExistingFilesError} if another one exists
 */
async function findReplaced(root: string, files: string[]): Promise<Set<string>> {
  const existing = files.filter((file) => existsSync(path.join(root, file)));
  const isSample = await Promise.all(
    existing.map(async (file) => isShippedSample(await readFile(path.join(root, file), 'utf8'))),
  );
  const own = existing.filter((_, index) => !isSample[index]);
  if (own.length === 0) return new Set(existing);
  throw new ExistingFilesError(
    [
      ...own.map((file) => `${file} already exists: nothing was written.`),
      'Move or delete your file and run the command again, or copy what you need from examples/.',
    ].join('\n'),
  );
}

/** Adds packages to the dependencies, in alphabetical order like npm. Versions that are there already are kept. */
function addDependencies(manifest: string, packages: Record<string, string>): { text: string; added: string[] } {
  const content = JSON.parse(manifest);
  const added = Object.keys(packages).filter((name) => content.dependencies?.[name] === undefined);
  if (added.length === 0) return { text: manifest, added };
  const additions = added.map((name) => [name, content.devDependencies?.[name] ?? packages[name]] as const);
  const dependencies = [...Object.entries(content.dependencies ?? {}), ...additions];
  content.dependencies = Object.fromEntries(dependencies.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  // The template has it for the examples' tests only. npm expects a package in one of the two sections.
  for (const name of added) delete content.devDependencies?.[name];
  return { text: `${JSON.stringify(content, null, 2)}\n`, added };
}

async function readExample(root: string, name: string): Promise<Example> {
  return JSON.parse(await readFile(path.join(root, 'examples', name, 'example.json'), 'utf8'));
}
