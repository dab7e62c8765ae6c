import { builtinModules } from 'node:module';
import path from 'node:path';
import type { Plugin } from 'esbuild';

// What makes a function start sooner: `npm run bench -- cold-start` measures it.

/**
 * Takes Node's own modules from `process.getBuiltinModule`. An `import "node:http"` makes Node read all the module's
 * getters, one of which loads its `fetch`: 26 to 32 ms of a cold start, against 3.
 */
export const fastBuiltins: Plugin = {
  name: 'fast-builtins',
  setup(build) {
    const names = builtinModules.flatMap((name) => [name, `node:${name}`]).join('|');
    build.onResolve({ filter: new RegExp(`^(${names})$`) }, ({ path: name, kind }) => ({
      path: name.startsWith('node:') ? name : `node:${name}`,
      // Only an import statement says which names it takes.
      namespace: kind === 'import-statement' ? 'imported-builtins' : 'required-builtins',
      // One that nothing is taken from is not loaded.
      sideEffects: false,
    }));
    build.onLoad({ filter: /.*/, namespace: 'required-builtins' }, ({ path: name }) => ({
      contents: `module.exports = process.getBuiltinModule("${name}")`,
    }));
    build.onLoad({ filter: /.*/, namespace: 'imported-builtins' }, ({ path: name }) => ({
      contents: importedBuiltin(name, Object.keys(process.getBuiltinModule(name) ?? {})),
    }));
  },
};

/** Each name is a constant by itself, so that what is not imported is shaken out and its getter not read. */
function importedBuiltin(name: string, exported: string[]): string {
  const exports = exported
    .filter((key) => key !== 'default')
    .map((key) => `const _${key} = /* @__PURE__ */ (() => builtin.${key})();\nexport { _${key} as ${key} };`);
  const builtin = `const builtin = /* @__PURE__ */ process.getBuiltinModule("${name}");\nexport default builtin;`;
  return `${builtin}\n${exports.join('\n')}`;
}

/**
 * Leaves the dynamic imports of a module to a bundle of its own, which lies beside the importing one.
 *
 * @param file the module's path; its bundle has the same name
 */
export function separateBundle(file: string): Plugin {
  const { name } = path.parse(file);
  return {
    name: 'loaded-later',
    setup(build) {
      build.onResolve({ filter: new RegExp(`/${name}\\.ts$`) }, ({ kind, resolveDir, path: target }) => {
        if (kind !== 'dynamic-import' || path.resolve(resolveDir, target) !== file) return undefined;
        return { path: `./${name}.mjs`, external: true };
      });
    },
  };
}
