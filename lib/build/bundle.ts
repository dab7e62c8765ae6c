import path from 'node:path';
import type { BuildOptions } from 'esbuild';
import { handlerModules } from './check-handlers.ts';
import { evaluateFailedModulesAgain } from './failed-modules.ts';
import { fastBuiltins, leanAwsClients, separateBundle } from './lean-bundle.ts';

/** The Lambda functions. `functions/<name>.ts` is the entry point of each. */
export const LAMBDA_FUNCTIONS = ['webhook', 'worker'] as const;

/** The webhook loads this module with its first event. */
const SEPARATE_MODULE = 'sqs-sender';

/** The files in each function's artifact, relative to the folder of bundles. */
export const LAMBDA_FILES = {
  webhook: [...withMap('webhook'), ...withMap(SEPARATE_MODULE)],
  worker: [...withMap('worker'), 'node_modules/**'],
};

/**
 * Returns the esbuild options for the functions, shared by the deployment and the local stack.
 *
 * @param root the project's folder, which contains `functions/`
 * @param outdir the folder for `<function>.mjs` and its source map
 */
export function lambdaBundle(root: string, outdir: string) {
  const options = entryPoints(root, outdir, LAMBDA_FUNCTIONS);
  return {
    ...options,
    entryPoints: { ...options.entryPoints, [SEPARATE_MODULE]: `lib/intake/${SEPARATE_MODULE}.ts` },
    // Stack traces need only line numbers. The sources would double the artifact's size.
    sourcemap: 'linked',
    sourcesContent: false,
    plugins: [
      // Not in the connection's bundle, which contains some of the same handlers and is built afterwards.
      handlerModules(path.join(root, 'functions', 'handlers')),
      ...options.plugins,
      separateBundle(path.join(root, 'lib/intake', `${SEPARATE_MODULE}.ts`)),
      leanAwsClients,
    ],
  } satisfies BuildOptions;
}

/** Returns the esbuild options for the long-connection program: one file that reads the container's credentials. */
export function connectionBundle(root: string, outdir: string) {
  return entryPoints(root, outdir, ['connection']);
}

/**
 * Returns the esbuild options for the platform's SDK. The worker loads this file when a handler first uses `feishu`.
 *
 * @param outdir the folder of the worker's bundle; the SDK goes into its `node_modules`
 */
export function platformSdkBundle(root: string, outdir: string) {
  return {
    ...commonOptions,
    absWorkingDir: root,
    entryPoints: ['@larksuiteoapi/node-sdk'],
    // An optional dependency of the SDK's dependencies, installed here only for development tools.
    external: ['supports-color'],
    outfile: path.join(outdir, 'node_modules/@larksuiteoapi/node-sdk/index.js'),
    format: 'cjs',
  } satisfies BuildOptions;
}

function entryPoints(root: string, outdir: string, names: readonly string[]) {
  return {
    ...commonOptions,
    absWorkingDir: root,
    entryPoints: Object.fromEntries(names.map((name) => [name, `functions/${name}.ts`])),
    outdir,
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    // Prefer ES modules: esbuild can tree-shake only those.
    mainFields: ['module', 'main'],
    // Folders of handlers may be empty.
    logOverride: { 'empty-glob': 'silent' },
    plugins: [fastBuiltins, evaluateFailedModulesAgain],
  } satisfies BuildOptions;
}

function withMap(name: string): string[] {
  return [`${name}.mjs`, `${name}.mjs.map`];
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
