import path from 'node:path';
import type { BuildOptions } from 'esbuild';
import { handlerModules } from './check-handlers.ts';
import { evaluateFailedModulesAgain } from './failed-modules.ts';
import { fastBuiltins, leanAwsClients, separateBundle } from './lean-bundle.ts';

/** The entry points that run on Lambda, by the name of their function. */
export const LAMBDA_FUNCTIONS = ['webhook', 'worker'] as const;

/** What the webhook's bundle is without until the first event comes. */
const SEPARATE_MODULE = 'sqs-sender';

/** The files of each function's artifact, below the folder of the bundles. */
export const LAMBDA_FILES = {
  webhook: [...withMap('webhook'), ...withMap(SEPARATE_MODULE)],
  worker: [...withMap('worker'), 'node_modules/**'],
};

/**
 * How the functions are bundled, for the deployment and for the local stack alike.
 *
 * @param root the project's folder, with `functions/` in it
 * @param outdir where `<function>.mjs` and its source map go
 */
export function lambdaBundle(root: string, outdir: string) {
  const options = entryPoints(root, outdir, LAMBDA_FUNCTIONS);
  return {
    ...options,
    entryPoints: { ...options.entryPoints, [SEPARATE_MODULE]: `lib/intake/${SEPARATE_MODULE}.ts` },
    // Half the artifact's size; stack traces need the lines alone.
    sourcemap: 'linked',
    sourcesContent: false,
    plugins: [
      // Here only, because the connection, which has a part of the same handlers, is bundled after the functions.
      handlerModules(path.join(root, 'functions', 'handlers')),
      ...options.plugins,
      separateBundle(path.join(root, 'lib/intake', `${SEPARATE_MODULE}.ts`)),
      leanAwsClients,
    ],
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
    entryPoints: Object.fromEntries(names.map((name) => [name, `functions/${name}.ts`])),
    outdir,
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    // ES modules first: only they can be shaken.
    mainFields: ['module', 'main'],
    // A folder of handlers may be empty.
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
