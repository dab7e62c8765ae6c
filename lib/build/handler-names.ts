import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Plugin } from 'esbuild';

const CALLBACKS = 'callbacks/';

/** The handler modules in `functions/handlers`. */
interface HandlerNames {
  /** For example `v2/im.message.receive_v1`. */
  modules: string[];
  /** For example `card.action.trigger`. */
  callbacks: string[];
  folders: string[];
}

/**
 * Lists the handler modules by their file names, in alphabetical order. The fallback is not among them.
 *
 * @param handlers `functions/handlers`
 */
export async function listHandlerModules(handlers: string): Promise<HandlerNames> {
  const entries = await readdir(handlers, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => path.join(parentPath, name));
  const names = files.map((file) => path.relative(handlers, file).split(path.sep).join('/'));
  const isModule = (name: string) => /^(v1|v2|callbacks)\/[^/]+\.ts$/.test(name);
  const modules = names.filter(isModule).map((name) => name.slice(0, -'.ts'.length));
  const callbacks = modules.filter((name) => name.startsWith(CALLBACKS)).map((name) => name.slice(CALLBACKS.length));
  const folders = entries
    .filter((entry) => entry.isDirectory())
    .map(({ parentPath, name }) => path.join(parentPath, name));
  return { modules: modules.sort(), callbacks: callbacks.sort(), folders };
}

/**
 * Creates a plugin that tells a function the names of the handler modules: it replaces
 * `lib/handler-runtime/handler-modules.ts`. The map that esbuild creates for `import()` cannot be listed.
 *
 * @param handlers `functions/handlers`
 */
export function handlerNames(handlers: string): Plugin {
  return {
    name: 'handler-names',
    setup(build) {
      build.onLoad({ filter: /[\\/]lib[\\/]handler-runtime[\\/]handler-modules\.ts$/ }, async () => {
        const { modules, callbacks, folders } = await listHandlerModules(handlers);
        return {
          // Two constants, so that esbuild drops the one that a function does not use.
          contents: `export const HANDLER_MODULES = ${JSON.stringify(modules)};
            export const CALLBACK_MODULES = ${JSON.stringify(callbacks)};`,
          watchDirs: [handlers, ...folders],
        };
      });
    },
  };
}
