import path from 'node:path';
import type { BuildOptions, Metafile } from 'esbuild';
import { handlerModules } from './check-handlers.ts';
import { evaluateFailedModulesAgain } from './failed-modules.ts';
import { leanAwsClients } from './lean-aws-clients.ts';
import { fastBuiltins, separateBundle } from './lean-bundle.ts';
import { isPlatformSdk, sharedPlatformSdk } from './shared-platform-sdk.ts';

/** What the webhook's bundle is without until the first event comes. */
const SEPARATE_MODULE = 'sqs-sender';

/**
 * The files of a function's artifact, below the folder of the bundles.
 *
 * @param metafile of the function's bundle
 */
export function artifactFiles(name: 'webhook' | 'worker', { outputs }: Metafile): string[] {
  const files = name === 'webhook' ? [...withMap(name), ...withMap(SEPARATE_MODULE)] : withMap(name);
  // The worker's `feishu` client is in the SDK; a callback needs it only if it imports it.
  const isUsed = name === 'worker' || Object.values(outputs).some(({ imports }) => imports.some(isPlatformSdk));
  return isUsed ? [...files, 'node_modules/**'] : files;
}

/**
 * How the webhook is bundled, for the deployment and for the local stack alike.
 *
 * @param root the project's folder, with `functions/` in it
 * @param outdir where `webhook.mjs` and its source map go
 */
export function webhookBundle(root: string, outdir: string) {
  const options = lambdaBundle(root, outdir, 'webhook');
  return {
    ...options,
    entryPoints: { ...options.entryPoints, [SEPARATE_MODULE]: `lib/intake/${SEPARATE_MODULE}.ts` },
    plugins: [...options.plugins, separateBundle(path.join(root, 'lib/intake', `${SEPARATE_MODULE}.ts`))],
  } satisfies BuildOptions;
}

/**
 * How the worker is bundled, for the deployment and for the local stack alike. Checks all handler modules.
 *
 * @param root the project's folder, with `functions/` in it
 * @param outdir where `worker.mjs` and its source map go
 */
export function workerBundle(root: string, outdir: string) {
  const options = lambdaBundle(root, outdir, 'worker');
  return {
    ...options,
    // Libraries such as TypeORM derive names of tables from those of classes.
    keepNames: true,
    plugins: [handlerModules(path.join(root, 'functions', 'handlers')), ...options.plugins],
  } satisfies BuildOptions;
}

function lambdaBundle(root: string, outdir: string, name: string) {
  const options = entryPoint(root, outdir, name);
  return {
    ...options,
    // Half the artifact's size; stack traces need the lines alone.
    sourcemap: 'linked',
    sourcesContent: false,
    plugins: [...options.plugins, sharedPlatformSdk, leanAwsClients],
  } satisfies BuildOptions;
}

/** How the program of the long connection is bundled: one file, which takes its credentials from the container. */
export function connectionBundle(root: string, outdir: string) {
  return entryPoint(root, outdir, 'connection');
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

function entryPoint(root: string, outdir: string, name: string) {
  return {
    ...commonOptions,
    absWorkingDir: root,
    entryPoints: { [name]: `functions/${name}.ts` },
    outdir,
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    // CommonJS packages expect these.
    banner: { js: 'const require=process.getBuiltinModule("module").createRequire(import.meta.url);' },
    define: { __dirname: 'import.meta.dirname', __filename: 'import.meta.filename' },
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
