import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { BuildOptions, Message, PartialMessage, Plugin } from 'esbuild';
import { readLocalEnvironment } from '../cli/environment.ts';
import type { CreatedHandler } from './handler-check/created-handlers.ts';
import { loadHandlers } from './handler-check/load-handlers.ts';
import type { Exported } from './handler-check/thread.ts';

/** The functions that create handlers, by the handlers' kind: their folder, or `fallback`. */
const FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ['v2', 'onEvent'],
  ['v1', 'onEventV1'],
  ['callbacks', 'onCallback'],
  ['fallback', 'onUnhandledEvent'],
]);

/** Whatever a bundler takes for code. The functions look for `.ts` only, so they would miss a handler in another file. */
const CODE = /\.[cm]?[jt]sx?$/;

const PLUGIN_NAME = 'handler-modules';
const LOAD_WITHIN_MILLISECONDS = 5000;

interface HandlerFile {
  file: string;
  /** As it is written in messages. */
  name: string;
  kind: string;
  type: string;
}

interface Problems {
  errors: PartialMessage[];
  /** Of modules that cannot be judged. */
  warnings: PartialMessage[];
}

/**
 * Rejects handler modules whose handler is not the one that their name promises: they would be deployed and never called.
 *
 * @param folder `functions/handlers`
 */
export function handlerModules(folder: string): Plugin {
  return {
    name: PLUGIN_NAME,
    setup(build) {
      build.onStart(() => checkHandlers(folder, build.initialOptions));
    },
  };
}

/** @returns the warnings of {@link handlerModules} among those of a build: the rest is about code that works */
export function handlerWarnings(warnings: Message[]): Message[] {
  return warnings.filter(({ pluginName }) => pluginName === PLUGIN_NAME);
}

/**
 * Checks the names of the modules, and compares the names with what the modules export. To see what they export, it loads
 * them, because a type may be a constant of another module, and a handler may be wrapped or created elsewhere. Loading
 * has no effect outside of this process and needs no settings: see {@link loadHandlers}.
 *
 * A module that cannot be loaded in this way, or whose handler comes from a package, is not rejected but warned about:
 * the worker checks it when its first event arrives.
 *
 * @param handlers `functions/handlers`
 * @param bundle the options that the modules are bundled with
 */
export async function checkHandlers(
  handlers: string,
  bundle: BuildOptions = {},
  limitMilliseconds = LOAD_WITHIN_MILLISECONDS,
): Promise<Problems> {
  // As esbuild names them.
  const folder = await realpath(handlers);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const code = files.filter((file) => CODE.test(file)).sort();
  const modules = code.map((file) => parseName(folder, file));
  const errors = modules.filter(({ kind }) => kind === '').map(({ file, name }) => message(file, neverCalled(name)));
  const named = modules.filter(({ kind }) => kind !== '');
  const { errors: exportErrors, warnings } = await checkExports(folder, named, bundle, limitMilliseconds);
  return { errors: [...errors, ...exportErrors].sort(byFile), warnings };
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
        const mismatch = describeMismatch(module, exported);
        return mismatch === undefined ? describeUnused(module, created, results) : [mismatch];
      }),
      warnings: results.flatMap(({ module, exported }) => describeUnknown(module, exported)),
    };
  } catch (error) {
    // The bundler reports what is wrong with the modules, and where, as they are bundled in the same way there.
    return { errors: [], warnings: [message(folder, `The handler modules could not be checked: ${error}`)] };
  }
}

/** @returns an empty `kind` when the functions do not look there */
function parseName(folder: string, file: string): HandlerFile {
  const relative = path.relative(folder, file).split(path.sep).join('/');
  const name = `functions/handlers/${relative}`;
  if (relative === 'fallback.ts') return { file, name, kind: 'fallback', type: 'fallback' };
  const [, kind = '', type = ''] = /^(v2|v1|callbacks)\/([^/]+)\.ts$/.exec(relative) ?? [];
  return { file, name, kind, type };
}

function neverCalled(name: string): string {
  return `${name} is never called: handlers are v2/<type>.ts, v1/<type>.ts and callbacks/<type>.ts. Move helpers and tests elsewhere.`;
}

function describeMismatch({ file, name, kind, type }: HandlerFile, exported: Exported): PartialMessage | undefined {
  const expected = FUNCTIONS.get(kind);
  const parameters = kind === 'fallback' ? '…' : `'${type}', …`;
  const advice = `must export one handler: export default ${expected}(${parameters}). Helpers and tests go elsewhere.`;
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

/** A module may create handlers that other modules export, but not one that none exports. */
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
    return message(file, `${name} also calls ${call}, but must export one handler: the other one is never called.`);
  });
}

function describeUnknown({ file, name }: HandlerFile, exported: Exported): PartialMessage[] {
  const warn = (reason: string) =>
    message(file, `${name} could not be checked, because ${reason}. It is checked when its first event arrives.`);
  if (exported.is === 'failed') return [warn(exported.reason)];
  if (exported.is === 'unknown') return [warn('its handler or the type comes from a package')];
  return [];
}

function message(file: string, text: string): PartialMessage {
  return { text, location: { file } };
}

function byFile({ location: a }: PartialMessage, { location: b }: PartialMessage): number {
  return String(a?.file) < String(b?.file) ? -1 : 1;
}
