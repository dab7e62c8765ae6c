import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BuildOptions, Message, PartialMessage, Plugin } from 'esbuild';
import { readLocalEnvironment } from '../cli/environment.ts';
import { CALLBACK_CLIENT_PLUGIN } from './callback-client.ts';
import { loadHandlers } from './handler-check/load-handlers.ts';
import {
  describeMismatch,
  describeMisplaced,
  describeUncallable,
  describeUnchecked,
  describeUnused,
  findDuplicates,
  type HandlerFile,
  message,
  parseName,
} from './handler-check/module-rules.ts';
import type { Exported } from './handler-check/thread.ts';

/** Any source file. The functions import only `.ts` files, so a handler in another kind of file would never run. */
const CODE = /\.[cm]?[jt]sx?$/;

const PLUGIN_NAME = 'handler-modules';
const LOAD_WITHIN_MILLISECONDS = 5000;
const MAXIMUM_REPETITIONS = 3;
/** Together a second: much longer than an editor leaves a file empty that it is saving. */
const POLLS_FOR_CONTENT = 50;
const POLL_MILLISECONDS = 20;

interface Problems {
  errors: PartialMessage[];
  /** For modules that could not be checked. */
  warnings: PartialMessage[];
}

/** The handlers that the webhook calls, those that the worker calls, or those of Approval. */
export type HandlerGroup = 'callbacks' | 'events' | 'approvals';

/**
 * Creates an esbuild plugin that rejects handler modules whose exported handler does not match their file name. Such a
 * handler would be deployed but never called.
 *
 * @param folder `functions/handlers`
 * @param group the handlers that the bundle contains: changes of others do not rebuild it. Default: all.
 */
export function handlerModules(folder: string, group?: HandlerGroup): Plugin {
  return {
    name: PLUGIN_NAME,
    setup(build) {
      build.onStart(() => checkHandlers(folder, build.initialOptions, LOAD_WITHIN_MILLISECONDS, group));
    },
  };
}

/** Returns the name of the handler in a file, for example `v2/im.message.receive_v1`. The path is relative to the project. */
export function handlerOf(file: string): string | undefined {
  return /^functions\/handlers\/((?:v2|v1|callbacks|approvals)\/[^/]+|fallback)\.ts$/.exec(file)?.[1];
}

/** Returns only the warnings about handler modules. esbuild's own warnings are about code that works. */
export function handlerWarnings(warnings: Message[]): Message[] {
  return warnings.filter(({ pluginName }) => pluginName === PLUGIN_NAME || pluginName === CALLBACK_CLIENT_PLUGIN);
}

/**
 * Checks that each module's name matches its export. The modules are loaded, because a type may be a constant from
 * another module, and a handler may be wrapped or created elsewhere. Loading has no effect outside this process and needs
 * no settings: see {@link loadHandlers}.
 *
 * A module that cannot be loaded this way, or whose handler comes from a package, gets a warning instead of an error. The
 * worker checks it when its first event arrives.
 *
 * @param handlers `functions/handlers`
 * @param bundle the esbuild options of the modules' bundle
 * @param limitMilliseconds the time limit for loading one module
 * @param group the handlers to check. Default: all.
 */
export async function checkHandlers(
  handlers: string,
  bundle: BuildOptions = {},
  limitMilliseconds = LOAD_WITHIN_MILLISECONDS,
  group?: HandlerGroup,
): Promise<Problems> {
  // esbuild reports real paths.
  const folder = await realpath(handlers);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const code = files
    .filter((file) => CODE.test(file) && (group === undefined || groupOf(folder, file) === group))
    .sort();
  const modules = code.map((file) => parseName(folder, file));
  const errors = modules.filter(({ kind }) => kind === '').map(describeMisplaced);
  const named = modules.filter(({ kind }) => kind !== '');
  const { errors: exportErrors, warnings } = await whileUnchanged(code, () =>
    checkExports(folder, named, bundle, limitMilliseconds),
  );
  return {
    errors: await Promise.all([...errors, ...findDuplicates(named), ...exportErrors].sort(byFile).map(addPosition)),
    warnings: await Promise.all(warnings.map(addPosition)),
  };
}

/**
 * Starts the work when no file is empty, or after a second, and repeats it if a file changes meanwhile. An editor empties
 * a file before it writes it: the bundler would then read the new content, so that it would not rebuild, and the error
 * about the empty module would remain.
 */
async function whileUnchanged<Result>(files: string[], work: () => Promise<Result>): Promise<Result> {
  const readStats = () => Promise.all(files.map((file) => stat(file).catch(() => undefined)));
  const readVersions = async () => (await readStats()).map((stats) => `${stats?.mtimeMs} ${stats?.size}`).join();
  const isAnyEmpty = async () => (await readStats()).some((stats) => stats?.size === 0);
  for (let repetitions = 0; ; repetitions += 1) {
    for (let polls = 0; polls < POLLS_FOR_CONTENT && (await isAnyEmpty()); polls += 1) await sleep(POLL_MILLISECONDS);
    const versions = await readVersions();
    const result = await work();
    if (repetitions === MAXIMUM_REPETITIONS || (await readVersions()) === versions) return result;
  }
}

async function checkExports(
  folder: string,
  modules: HandlerFile[],
  bundle: BuildOptions,
  limitMilliseconds: number,
): Promise<Problems> {
  if (modules.length === 0) return { errors: [], warnings: [] };
  const root = path.resolve(folder, '../..');
  try {
    const { exported, created } = await loadHandlers({
      files: modules.map(({ file }) => file),
      library: path.join(root, 'lib/handler.ts'),
      environment: await readLocalEnvironment(root),
      bundle,
      limitMilliseconds,
    });
    const results = modules.map((module, index) => ({ module, exported: exported[index] as Exported }));
    return {
      errors: results.flatMap(({ module, exported }) => {
        const problem = describeMismatch(module, exported) ?? describeUncallable(module);
        return problem === undefined ? describeUnused(module, created, results) : [problem];
      }),
      warnings: results.flatMap(({ module, exported }) => describeUnchecked(module, exported)),
    };
  } catch (error) {
    // The real build bundles the same modules and reports what is wrong and where.
    return { errors: [], warnings: [message(folder, `The handler modules could not be checked: ${error}`)] };
  }
}

function groupOf(folder: string, file: string): HandlerGroup {
  const [name] = path.relative(folder, file).split(path.sep);
  return name === 'callbacks' || name === 'approvals' ? name : 'events';
}

const DEFAULT_EXPORT = /^\s*export\s+(default\b|\{[^}]*\bdefault\b)/;

/** Adds the position of the module's default export, or of its first line. */
async function addPosition({ location, ...rest }: PartialMessage): Promise<PartialMessage> {
  // A module may have been removed in the meantime, and a folder has no lines.
  const source = await readFile(location?.file ?? '', 'utf8').catch(() => '');
  const lines = source.split('\n');
  const index = lines.findIndex((line) => DEFAULT_EXPORT.test(line));
  const line = Math.max(index, 0);
  return { ...rest, location: { ...location, line: line + 1, column: 0, lineText: lines[line] ?? '' } };
}

function byFile({ location: a }: PartialMessage, { location: b }: PartialMessage): number {
  return String(a?.file) < String(b?.file) ? -1 : 1;
}
