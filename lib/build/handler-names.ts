import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Plugin } from 'esbuild';

/**
 * Creates a plugin that tells a function the names of the handler modules: `HANDLER_MODULES` in
 * `lib/handler-runtime/handler-modules.ts`. The map that esbuild creates for `import()` cannot be listed.
 *
 * @param handlers `functions/handlers`
 */
export function handlerNames(handlers: string): Plugin {
  return {
    name: 'handler-names',
    setup(build) {
      build.onLoad({ filter: /[\\/]lib[\\/]handler-runtime[\\/]handler-modules\.ts$/ }, async () => {
        const entries = await readdir(handlers, { recursive: true, withFileTypes: true });
        const files = entries
          .filter((entry) => entry.isFile())
          .map(({ parentPath, name }) => path.join(parentPath, name));
        const names = files.map((file) => path.relative(handlers, file).split(path.sep).join('/'));
        const modules = names.filter((name) => /^(v1|v2|callbacks)\/[^/]+\.ts$/.test(name)).sort();
        const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => path.join(handlers, name));
        return {
          contents: `export const HANDLER_MODULES = ${JSON.stringify(modules.map((name) => name.slice(0, -'.ts'.length)))};`,
          watchDirs: [handlers, ...folders],
        };
      });
    },
  };
}
