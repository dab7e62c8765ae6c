import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { BuildOptions, Message, PartialMessage, Plugin } from 'esbuild';
import { readLocalEnvironment } from '../cli/environment.ts';
import { folderOfVersion, MODULE_NAME } from '../handler-runtime/find-handler.ts';
import { SAMPLE_TYPES } from '../samples/samples.ts';
import type { CreatedHandler } from './handler-check/created-handlers.ts';
import { loadHandlers } from './handler-check/load-handlers.ts';
import type { Exported } from './handler-check/thread.ts';

/** The function that creates each kind of handler. The kind is the handler's folder, or `fallback`. */
const FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ['v2', 'onEvent'],
  ['v1', 'onEventV1'],
  ['callbacks', 'onCallback'],
  ['fallback', 'onUnhandledEvent'],
]);

/** Any source file. The functions import only `.ts` files, so a handler in another kind of file would never run. */
const CODE = /\.[cm]?[jt]sx?$/;

const PLUGIN_NAME = 'handler-modules';
const LOAD_WITHIN_MILLISECONDS = 5000;
const MAXIMUM_REPETITIONS = 3;

interface HandlerFile {
  file: string;
  /** The path shown in messages. */
  name: string;
  kind: string;
  type: string;
}

interface Problems {
  errors: PartialMessage[];
  /** For modules that could not be checked. */
  warnings: PartialMessage[];
}

/** The handlers that the webhook calls, or those that the worker calls. */
export type HandlerGroup = 'callbacks' | 'events';

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
  return /^functions\/handlers\/((?:v2|v1|callbacks)\/[^/]+|fallback)\.ts$/.exec(file)?.[1];
}

/** Returns only the warnings of {@link handlerModules}. esbuild's own warnings are about code that works. */
export function handlerWarnings(warnings: Message[]): Message[] {
  return warnings.filter(({ pluginName }) => pluginName === PLUGIN_NAME);
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
 * Repeats the work if a file changes meanwhile. An editor empties a file before it writes it: the bundler would then read
 * the new content, so that it would not rebuild, and the error about the empty module would remain.
 */
async function whileUnchanged<Result>(files: string[], work: () => Promise<Result>): Promise<Result> {
  const readVersions = async () => {
    const stats = await Promise.all(files.map((file) => stat(file).catch(() => undefined)));
    return stats.map((version) => `${version?.mtimeMs} ${version?.size}`).join();
  };
  for (let repetitions = 0; ; repetitions += 1) {
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
  return path.relative(folder, file).split(path.sep)[0] === 'callbacks' ? 'callbacks' : 'events';
}

/** Returns an empty `kind` if the functions do not import the file. */
function parseName(folder: string, file: string): HandlerFile {
  const relative = path.relative(folder, file).split(path.sep).join('/');
  const name = `functions/handlers/${relative}`;
  if (relative === 'fallback.ts') return { file, name, kind: 'fallback', type: 'fallback' };
  const [, kind = '', type = ''] = /^(v2|v1|callbacks)\/([^/]+)\.ts$/.exec(relative) ?? [];
  return { file, name, kind, type };
}

function describeMisplaced({ file, name }: HandlerFile): PartialMessage {
  const advice = 'handlers are v2/<type>.ts, v1/<type>.ts and callbacks/<type>.ts. Move helpers and tests elsewhere.';
  return message(file, `${name} is never called: ${advice}`);
}

/** Reports modules whose name is not that of an event, or in callbacks/ not that of a callback. */
function describeUncallable({ file, name, kind, type }: HandlerFile): PartialMessage | undefined {
  if (!MODULE_NAME.test(type)) {
    return message(file, `${name} is never called: event types consist of letters, digits, "_", "." and "-".`);
  }
  const event = SAMPLE_TYPES.find((sample) => sample.type === type && !sample.isCallback);
  if (kind !== 'callbacks' || event === undefined) return undefined;
  const folder = folderOfVersion(event.version);
  return message(file, `${name} is never called as a callback: ${type} is an event. Move the module to ${folder}/.`);
}

/** A module handles its type in every version of the envelope, so two modules in v1/ and v2/ are ambiguous. */
function findDuplicates(modules: HandlerFile[]): PartialMessage[] {
  const typesOfVersion2 = new Set(modules.filter(({ kind }) => kind === 'v2').map(({ type }) => type));
  const duplicates = modules.filter(({ kind, type }) => kind === 'v1' && typesOfVersion2.has(type));
  return duplicates.map(({ file, name, type }) =>
    message(
      file,
      `${name} and functions/handlers/v2/${type}.ts handle the same event type, whatever the version of its envelope: remove one.`,
    ),
  );
}

function describeMismatch({ file, name, kind, type }: HandlerFile, exported: Exported): PartialMessage | undefined {
  const expected = FUNCTIONS.get(kind);
  const parameters = kind === 'fallback' ? '…' : `'${type}', …`;
  const advice = `must export one handler: export default ${expected}(${parameters}). Put helpers and tests elsewhere.`;
  if (exported.is === 'nothing') return message(file, `${name} has no default export, but ${advice}`);
  if (exported.is === 'other') return message(file, `The default export of ${name} is ${exported.what}. It ${advice}`);
  if (exported.is !== 'handler') return undefined;
  if (exported.kind !== kind) {
    const place = kind === 'fallback' ? 'there' : `in ${kind}/`;
    return message(file, `${name} exports ${FUNCTIONS.get(exported.kind)}(…), but ${place} it must be ${expected}(…).`);
  }
  if (exported.type === type) return undefined;
  return message(
    file,
    `${name} handles "${exported.type}", but is named for "${type}": rename it to ${exported.type}.ts.`,
  );
}

/** Reports handlers that the module creates but that no module exports. */
function describeUnused(
  { file, name }: HandlerFile,
  created: CreatedHandler[],
  results: { exported: Exported }[],
): PartialMessage[] {
  const isExported = ({ kind, type }: CreatedHandler) =>
    results.some(({ exported }) => exported.is === 'handler' && exported.kind === kind && exported.type === type);
  const unused = created.filter((handler) => handler.file === file && !isExported(handler));
  return unused.map(({ kind, type }) => {
    const call = `${FUNCTIONS.get(kind)}('${type}', …)`;
    return message(file, `${name} also calls ${call}, but must export one handler: the other is never called.`);
  });
}

function describeUnchecked({ file, name }: HandlerFile, exported: Exported): PartialMessage[] {
  const warn = (reason: string) =>
    message(file, `${name} could not be checked, because ${reason}. It will be checked when its first event arrives.`);
  if (exported.is === 'failed') return [warn(exported.reason)];
  if (exported.is === 'unknown') return [warn('its handler or type comes from a package')];
  return [];
}

function message(file: string, text: string): PartialMessage {
  return { text, location: { file } };
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
