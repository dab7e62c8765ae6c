import { on } from 'node:events';
import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type BuildOptions, build, type Loader, type Plugin } from 'esbuild';
import { fastBuiltins } from '../lean-bundle.ts';
import type { CreatedHandler } from './created-handlers.ts';
import type { Exported, LoadedModule } from './thread.ts';

export interface LoadOptions {
  /** The modules to load. */
  files: string[];
  /** The project's `lib/handler.ts`. */
  library: string;
  environment: Record<string, string>;
  /** The options of the bundle that the modules belong to: its loaders, aliases and the like apply here too. */
  bundle: BuildOptions;
  /** How long a module may take. */
  limitMilliseconds: number;
}

/** Of one module. After the last one the thread is of no more use. */
interface ThreadResult extends LoadedModule {
  isLast: boolean;
}

export interface LoadedHandlers {
  /** For each file, in the order of {@link LoadOptions.files}. */
  exported: Exported[];
  created: CreatedHandler[];
}

/**
 * Loads handler modules to see what they export, the way the worker does, but without the effects: packages, the network
 * and other processes are replaced by a mock, so that a module may open a connection, or construct a client without its
 * settings, at its top level. Code of the project runs as it is.
 *
 * @throws {BuildFailure} esbuild's, when the modules cannot be bundled
 */
export async function loadHandlers(options: LoadOptions): Promise<LoadedHandlers> {
  const code = await bundleHandlers(options);
  const exported: Exported[] = [];
  const created: CreatedHandler[] = [];
  // A module that ends or holds up the thread ends it for itself only.
  while (exported.length < options.files.length) {
    for await (const module of runThread(code, exported.length, options)) {
      exported.push(module.exported);
      created.push(...module.created);
    }
  }
  return { exported, created };
}

/** Loads modules until one ends the thread or takes too long: that one has failed, and is the last. */
async function* runThread(code: Buffer, first: number, { files, environment, limitMilliseconds }: LoadOptions) {
  const { NODE_OPTIONS: _, ...env } = environment;
  const url = new URL(`data:text/javascript;base64,${code.toString('base64')}`);
  const thread = new Worker(url, { workerData: { first }, env, execArgv: [], stdout: true, stderr: true });
  const modules = on(thread, 'message', { close: ['exit'] });
  try {
    for (let index = first; index < files.length; index += 1) {
      const module = await withinTime(nextModule(modules), limitMilliseconds);
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
    return lastFailed('it ends the process, or awaits what never comes');
  } catch (error) {
    return lastFailed(`it throws ${error}`);
  }
}

async function withinTime(next: Promise<ThreadResult>, milliseconds: number): Promise<ThreadResult> {
  const over = new AbortController();
  const timeout = sleep(milliseconds, lastFailed(`it takes longer than ${milliseconds / 1000} s`), {
    signal: over.signal,
  });
  return Promise.race([next, timeout]).finally(() => {
    timeout.catch(() => {});
    over.abort();
  });
}

function lastFailed(reason: string): ThreadResult {
  return { exported: { is: 'failed', reason }, created: [], isLast: true };
}

/** What bundled code would see of the bundle instead of the module, by the name that it is replaced with. */
const ADDRESSES = {
  'import.meta.url': 'ownUrl',
  'import.meta.filename': 'ownFilename',
  'import.meta.dirname': 'ownDirname',
};

const inThisFolder = (name: string) => fileURLToPath(new URL(name, import.meta.url));

async function bundleHandlers({ files, library, bundle }: LoadOptions): Promise<Buffer> {
  const imports = files.map((file) => `() => import(${JSON.stringify(file)})`);
  // Without a top-level await: when it never settles, Node prints the whole bundle.
  const contents = `import { loadModules } from ${JSON.stringify(inThisFolder('thread.ts'))};\nvoid loadModules([${imports}]);`;
  const { absWorkingDir, alias, conditions, define, loader, mainFields, tsconfig } = bundle;
  const shared = { absWorkingDir, alias, conditions, loader, mainFields, tsconfig };
  const { outputFiles } = await build({
    ...Object.fromEntries(Object.entries(shared).filter(([, value]) => value !== undefined)),
    define: { ...define, ...ADDRESSES },
    stdin: { contents, resolveDir: path.dirname(library) },
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    logLevel: 'silent',
    plugins: [withMocks(library), withOwnAddress, fastBuiltins],
  });
  return Buffer.from(outputFiles[0]?.contents ?? []);
}

/** Modules of Node that reach out of this process. */
const REACHING_OUT =
  /^(node:)?(child_process|cluster|dgram|dns|http2?|https|inspector|net|repl|tls|worker_threads)(\/.*)?$/;

/** Replaces what is not the project's own code, and records which handlers are created. */
function withMocks(library: string): Plugin {
  const ownFiles = inThisFolder('.');
  const isResolved = Symbol('is resolved');
  return {
    name: 'with-mocks',
    setup(build) {
      const mock = { path: 'package', namespace: 'mock' };
      build.onResolve({ filter: /.*/ }, async ({ path: name, pluginData, ...args }) => {
        if (pluginData === isResolved || args.importer.startsWith(ownFiles) || args.namespace !== 'file') return;
        if (isBuiltin(name)) return REACHING_OUT.test(name) ? mock : undefined;
        const resolved = await build.resolve(name, { ...args, pluginData: isResolved });
        if (resolved.errors.length > 0 || /[\\/]node_modules[\\/]/.test(resolved.path)) return mock;
        return resolved.path === library ? { path: args.importer, namespace: 'recording' } : resolved;
      });
      build.onLoad({ filter: /.*/, namespace: 'mock' }, () => ({
        contents: `module.exports = require(${JSON.stringify(inThisFolder('mock-package.ts'))}).mockModule;`,
        resolveDir: ownFiles,
      }));
      build.onLoad({ filter: /.*/, namespace: 'recording' }, ({ path: importer }) => ({
        contents: `const { recording } = require(${JSON.stringify(inThisFolder('created-handlers.ts'))});
          const library = require(${JSON.stringify(library)});
          module.exports = { ...library, ...recording(${JSON.stringify(importer)}, library) };`,
        resolveDir: path.dirname(library),
      }));
    },
  };
}

/** Gives each module of the project its own address, so that it finds the files in its folder. */
const withOwnAddress: Plugin = {
  name: 'with-own-address',
  setup(build) {
    build.onLoad({ filter: /\.[cm]?[jt]sx?$/ }, async ({ path: file }) => {
      const source = await readFile(file, 'utf8');
      if (!source.includes('import.meta.')) return;
      const values = [pathToFileURL(file).href, file, path.dirname(file)].map((value) => JSON.stringify(value));
      const constants = Object.values(ADDRESSES).map((name, index) => `const ${name} = ${values[index]};`);
      const loader = /[jt]sx?$/.exec(file)?.[0] as Loader;
      return { contents: `${constants.join(' ')} ${source}`, loader };
    });
  },
};
