import { on } from 'node:events';
import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { fastBuiltins } from '../lean-bundle.ts';
import { codeLoader, LOCATION_DEFINITIONS, usesLocation, withLocation } from '../module-location.ts';
import type { CreatedHandler } from './created-handlers.ts';
import type { Declarations, Exported, LoadedModule } from './thread.ts';

export interface LoadOptions {
  /** The modules to load. */
  files: string[];
  /** The project's `lib/handler.ts`. */
  library: string;
  environment: Record<string, string>;
  /** The esbuild options of the modules' bundle. Its loaders, aliases and similar options apply here too. */
  bundle: BuildOptions;
  /** The time limit for one module. */
  limitMilliseconds: number;
}

interface ThreadResult extends LoadedModule {
  /** The thread has ended or must be terminated. */
  isLast: boolean;
}

export interface LoadedHandlers {
  /** In the order of {@link LoadOptions.files}. */
  exported: Exported[];
  /** In the same order. */
  declared: Declarations[];
  created: CreatedHandler[];
  /** The modules that the handlers consist of, relative to the working directory of the bundle. */
  sources: string[];
}

/**
 * Loads handler modules as the worker does, to find out what they export. Packages, the network and other processes are
 * mocked, so a module may open a connection or construct a client without its settings at the top level. The project's
 * own code runs unchanged.
 *
 * @throws {BuildFailure} if esbuild cannot bundle the modules
 */
export async function loadHandlers(options: LoadOptions): Promise<LoadedHandlers> {
  const { code, sources } = await bundleHandlers(options);
  const exported: Exported[] = [];
  const declared: Declarations[] = [];
  const created: CreatedHandler[] = [];
  // If a module ends or blocks the thread, a new thread loads the remaining modules.
  while (exported.length < options.files.length) {
    for await (const module of runThread(code, exported.length, options)) {
      exported.push(module.exported);
      declared.push(module.declared);
      created.push(...module.created);
    }
  }
  return { exported, declared, created, sources };
}

/** Loads modules until one ends the thread or exceeds the time limit. That one is reported as failed. */
async function* runThread(code: Buffer, first: number, { files, environment, limitMilliseconds }: LoadOptions) {
  const { NODE_OPTIONS: _, ...env } = environment;
  const url = new URL(`data:text/javascript;base64,${code.toString('base64')}`);
  const thread = new Worker(url, { workerData: { first }, env, execArgv: [], stdout: true, stderr: true });
  const modules = on(thread, 'message', { close: ['exit'] });
  try {
    for (let index = first; index < files.length; index += 1) {
      const module = await withTimeout(nextModule(modules), limitMilliseconds);
      yield module;
      if (module.isLast) return;
    }
  } finally {
    await thread.terminate();
  }
}

async function nextModule(modules: AsyncIterator<unknown[], undefined>): Promise<ThreadResult> {
  try {
    const { value: [module] = [] } = await modules.next();
    if (module !== undefined) return { ...(module as LoadedModule), isLast: false };
    return failedLast('it ends the process or awaits a promise that never settles');
  } catch (error) {
    return failedLast(`it throws ${error}`);
  }
}

async function withTimeout(next: Promise<ThreadResult>, milliseconds: number): Promise<ThreadResult> {
  const cancellation = new AbortController();
  const timeout = sleep(milliseconds, failedLast(`it takes longer than ${milliseconds / 1000} s`), {
    signal: cancellation.signal,
  });
  return Promise.race([next, timeout]).finally(() => {
    timeout.catch(() => {});
    cancellation.abort();
  });
}

function failedLast(reason: string): ThreadResult {
  return { exported: { is: 'failed', reason }, declared: {}, created: [], isLast: true };
}

const inThisFolder = (name: string) => fileURLToPath(new URL(name, import.meta.url));

async function bundleHandlers({ files, library, bundle }: LoadOptions) {
  const imports = files.map((file) => `() => import(${JSON.stringify(file)})`);
  // Not a top-level await: if it never settles, Node prints the whole bundle.
  const contents = `import { loadModules } from ${JSON.stringify(inThisFolder('thread.ts'))};\nvoid loadModules([${imports}]);`;
  const { absWorkingDir, alias, conditions, define, loader, mainFields, tsconfig } = bundle;
  const shared = { absWorkingDir, alias, conditions, loader, mainFields, tsconfig };
  const { outputFiles, metafile } = await build({
    ...Object.fromEntries(Object.entries(shared).filter(([, value]) => value !== undefined)),
    define: { ...define, ...LOCATION_DEFINITIONS },
    stdin: { contents, resolveDir: path.dirname(library) },
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    logLevel: 'silent',
    plugins: [mocks(library), moduleLocation, fastBuiltins],
  });
  return { code: Buffer.from(outputFiles[0]?.contents ?? []), sources: Object.keys(metafile.inputs) };
}

/** Node's modules with effects outside this process. */
const EXTERNAL_EFFECTS =
  /^(node:)?(child_process|cluster|dgram|dns|http2?|https|inspector|net|repl|tls|worker_threads)(\/.*)?$/;

/** Mocks everything except the project's own code, and records which handlers are created. */
function mocks(library: string): Plugin {
  const checkFiles = inThisFolder('.');
  const isResolved = Symbol('is resolved');
  return {
    name: 'mocks',
    setup(build) {
      const mock = { path: 'package', namespace: 'mock' };
      build.onResolve({ filter: /.*/ }, async ({ path: name, pluginData, ...args }) => {
        if (pluginData === isResolved || args.importer.startsWith(checkFiles) || args.namespace !== 'file') return;
        if (isBuiltin(name)) return EXTERNAL_EFFECTS.test(name) ? mock : undefined;
        const resolved = await build.resolve(name, { ...args, pluginData: isResolved });
        if (resolved.errors.length > 0 || /[\\/]node_modules[\\/]/.test(resolved.path)) return mock;
        return resolved.path === library ? { path: args.importer, namespace: 'recording' } : resolved;
      });
      build.onLoad({ filter: /.*/, namespace: 'mock' }, () => ({
        contents: `module.exports = require(${JSON.stringify(inThisFolder('mock-package.ts'))}).mockModule;`,
        resolveDir: checkFiles,
      }));
      build.onLoad({ filter: /.*/, namespace: 'recording' }, ({ path: importer }) => ({
        contents: `const { recordCreatedHandlers } = require(${JSON.stringify(inThisFolder('created-handlers.ts'))});
          const library = require(${JSON.stringify(library)});
          module.exports = { ...library, ...recordCreatedHandlers(${JSON.stringify(importer)}, library) };`,
        resolveDir: path.dirname(library),
      }));
    },
  };
}

/** Keeps `import.meta.url` and similar properties those of the module, so that it finds files in its folder. */
const moduleLocation: Plugin = {
  name: 'module-location',
  setup(build) {
    build.onLoad({ filter: /\.[cm]?[jt]sx?$/ }, async ({ path: file }) => {
      const source = await readFile(file, 'utf8');
      if (!usesLocation(source)) return undefined;
      return { contents: withLocation(JSON.stringify(file), source), loader: codeLoader(file) };
    });
  },
};
