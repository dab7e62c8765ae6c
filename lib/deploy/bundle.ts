import { builtinModules } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildOptions, Plugin } from 'esbuild';
import { handlerModules } from './handler-modules.ts';

/** The entry points that run on Lambda, by the name of their function. */
export const LAMBDA_FUNCTIONS = ['webhook', 'worker'] as const;

/**
 * How the functions are bundled, for the deployment and for the local stack alike.
 *
 * @param root the project's folder, with `functions/` in it
 * @param outdir where `<function>.mjs` and its source map go
 */
export function lambdaBundle(root: string, outdir: string) {
  return {
    ...entryPoints(root, outdir, LAMBDA_FUNCTIONS),
    // Half the artifact's size; stack traces need the lines alone.
    sourcemap: 'linked',
    sourcesContent: false,
    alias: { '@aws-sdk/credential-provider-node': fileURLToPath(new URL('lambda-credentials.ts', import.meta.url)) },
  } satisfies BuildOptions;
}

/** How the program of the long connection is bundled: one file, which takes its credentials from the container. */
export function connectionBundle(root: string, outdir: string) {
  return entryPoints(root, outdir, ['connection']);
}

/**
 * How the platform's SDK is bundled: apart from the worker, which loads it when a handler first uses it.
 *
 * @param outdir the folder of the worker's bundle; the SDK goes below it, where Node looks for it
 */
export function platformSdkBundle(root: string, outdir: string) {
  return {
    ...commonOptions,
    absWorkingDir: root,
    entryPoints: ['@larksuiteoapi/node-sdk'],
    // A package of the SDK's takes it where it happens to be installed, as it is here for the tools.
    external: ['supports-color'],
    outfile: path.join(outdir, 'node_modules/@larksuiteoapi/node-sdk/index.js'),
    format: 'cjs',
  } satisfies BuildOptions;
}

function entryPoints(root: string, outdir: string, names: readonly string[]) {
  return {
    ...commonOptions,
    absWorkingDir: root,
    entryPoints: names.map((name) => `functions/${name}.ts`),
    outdir,
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    // ES modules first: only they can be shaken.
    mainFields: ['module', 'main'],
    // A folder of handlers may be empty.
    logOverride: { 'empty-glob': 'silent' },
    plugins: [handlerModules(path.join(root, 'functions', 'handlers')), fastBuiltins],
  } satisfies BuildOptions;
}

const commonOptions = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  minify: true,
  legalComments: 'none',
  metafile: true,
  logLevel: 'silent',
} satisfies BuildOptions;

/**
 * Takes Node's own modules from `process.getBuiltinModule`. An `import "node:http"` makes Node read all the module's
 * getters, one of which loads its `fetch`: 26 to 32 ms of a cold start, against 3.
 */
const fastBuiltins: Plugin = {
  name: 'fast-builtins',
  setup(build) {
    const names = builtinModules.flatMap((name) => [name, `node:${name}`]).join('|');
    build.onResolve({ filter: new RegExp(`^(${names})$`) }, ({ path: name }) => ({
      path: name.startsWith('node:') ? name : `node:${name}`,
      namespace: 'fast-builtins',
    }));
    build.onLoad({ filter: /.*/, namespace: 'fast-builtins' }, ({ path: name }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(name)})`,
    }));
  },
};
