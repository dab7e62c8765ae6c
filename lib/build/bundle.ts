import path from 'node:path';
import type { BuildOptions, Metafile } from 'esbuild';
import { SDK_EXPORTS } from '../api-client/load-sdk.ts';
import { callbackClient, includedSdk } from './callback-client.ts';
import { handlerModules } from './check-handlers.ts';
import { clientUse } from './client-use.ts';
import { evaluateFailedModulesAgain } from './failed-modules.ts';
import { handlerNames } from './handler-names.ts';
import { IMPORTED_FILE_LOADERS } from './imported-files.ts';
import { installedPackages } from './installed-packages.ts';
import { leanAwsClients } from './lean-aws-clients.ts';
import { fastBuiltins, separateBundle } from './lean-bundle.ts';
import { leanPlatformSdk, withoutProtobuf } from './lean-platform-sdk.ts';
import { BUNDLE_FOLDER_LOCATION, BUNDLE_LOCATION, LOCATION_DEFINITIONS, sourceLocation } from './module-location.ts';
import { createPackageImports } from './package-imports.ts';
import { servicesOnUse } from './services-on-use.ts';
import { isPlatformSdk, PLATFORM_SDK, sharedPlatformSdk } from './shared-platform-sdk.ts';

/** The container downloads only this file. */
const CONNECTION = 'connection';

/** Creates the `feishu` client, which loads the SDK. */
const API_CLIENT = 'lib/api-client/feishu-client.ts';

/** The webhook loads this module of `lib/intake` with an event that is set aside. */
const SET_ASIDE = 'set-aside';

/**
 * Returns the files in a function's artifact, relative to the folder of bundles.
 *
 * @param metafile of the function's bundle
 */
export function artifactFiles(name: string, metafile: Metafile): string[] {
  const files = (name === 'webhook' ? [name, SET_ASIDE] : [name]).flatMap((file) => [`${file}.mjs`, `${file}.mjs.map`]);
  const hasClient = API_CLIENT in metafile.inputs;
  return hasClient || usesPlatformSdk(metafile) ? [...files, `node_modules/${PLATFORM_SDK}/**`] : files;
}

/** Returns whether a bundle imports the file that {@link platformSdkBundle} writes. */
export function usesPlatformSdk({ outputs }: Metafile): boolean {
  return Object.values(outputs).some(({ imports }) => imports.some(isPlatformSdk));
}

/**
 * Returns the esbuild options for the webhook, shared by the deployment and the local stack. The build checks the handler
 * modules of callbacks.
 *
 * @param root the project's folder, which contains `functions/`
 * @param outdir the folder for `webhook.mjs` and its source map
 */
export function webhookBundle(root: string, outdir: string) {
  const options = lambdaBundle(root, outdir, { webhook: 'functions/webhook.ts' });
  return {
    ...options,
    entryPoints: { ...options.entryPoints, [SET_ASIDE]: `lib/intake/${SET_ASIDE}.ts` },
    plugins: [
      handlerModules(path.join(root, 'functions', 'handlers'), 'callbacks'),
      callbackClient(root),
      ...options.plugins,
      separateBundle(path.join(root, 'lib/intake', `${SET_ASIDE}.ts`)),
    ],
  } satisfies BuildOptions;
}

/**
 * Returns the esbuild options for the worker, shared by the deployment and the local stack. The build checks the handler
 * modules of events.
 *
 * @param root the project's folder, which contains `functions/`
 * @param outdir the folder for `worker.mjs` and its source map
 */
export function workerBundle(root: string, outdir: string) {
  const options = functionBundle(root, outdir, 'worker', 'functions/worker.ts');
  return {
    ...options,
    plugins: [handlerModules(path.join(root, 'functions', 'handlers'), 'events'), ...options.plugins],
  } satisfies BuildOptions;
}

/**
 * Returns the esbuild options for the function that responds to Approval, shared by the deployment and the local stack.
 * The build checks its handler modules.
 *
 * @param root the project's folder, which contains `functions/`
 * @param outdir the folder for `approvals.mjs` and its source map
 */
export function approvalsBundle(root: string, outdir: string) {
  const options = functionBundle(root, outdir, 'approvals', 'functions/approvals.ts');
  return {
    ...options,
    plugins: [handlerModules(path.join(root, 'functions', 'handlers'), 'approvals'), ...options.plugins],
  } satisfies BuildOptions;
}

/**
 * Returns the esbuild options for the worker or a function that the user added.
 *
 * @param root the project's folder
 * @param outdir the folder for `<name>.mjs` and its source map
 * @param source the function's module, relative to `root`
 */
export function functionBundle(root: string, outdir: string, name: string, source: string) {
  return {
    ...lambdaBundle(root, outdir, { [name]: source }),
    // Libraries such as TypeORM derive table names from class names.
    keepNames: true,
  } satisfies BuildOptions;
}

function lambdaBundle(root: string, outdir: string, sources: Record<string, string>) {
  const imports = createPackageImports();
  const options = commonModuleOptions(root, outdir, sources, imports);
  return {
    ...options,
    // Stack traces need only line numbers. The sources would double the artifact's size.
    sourcemap: 'linked',
    sourcesContent: false,
    plugins: [...options.plugins, sharedPlatformSdk, leanAwsClients(imports), clientUse(root, imports)],
  } satisfies BuildOptions;
}

/** Returns the esbuild options for the long-connection program: one file that reads the container's credentials. */
export function connectionBundle(root: string, outdir: string) {
  const options = commonModuleOptions(root, outdir, { [CONNECTION]: 'functions/connection.ts' });
  return { ...options, plugins: [callbackClient(root), includedSdk, ...options.plugins] } satisfies BuildOptions;
}

/**
 * Returns the esbuild options for the platform's SDK. The worker loads this file only if a handler uses it.
 *
 * @param outdir the folder of the worker's bundle; the SDK goes into its `node_modules`
 * @param options.isWhole whether a function imports the SDK itself. Otherwise the file contains only what `lib/` uses: the
 *   client, but no dispatchers, channels or long connection.
 */
export function platformSdkBundle(root: string, outdir: string, { isWhole }: { isWhole: boolean }) {
  const exports = isWhole ? '*' : `{ ${SDK_EXPORTS.join(', ')} }`;
  return {
    ...commonOptions,
    absWorkingDir: root,
    stdin: { contents: `export ${exports} from '${PLATFORM_SDK}';`, resolveDir: root },
    // An optional dependency of the SDK's dependencies, installed here only for development tools.
    external: ['supports-color'],
    outfile: path.join(outdir, 'node_modules', PLATFORM_SDK, 'index.js'),
    format: 'cjs',
    // Of ES modules, esbuild can leave out parts.
    mainFields: ['module', 'main'],
    plugins: [leanPlatformSdk, servicesOnUse, fastBuiltins, ...(isWhole ? [] : [withoutProtobuf])],
  } satisfies BuildOptions;
}

function commonModuleOptions(
  root: string,
  outdir: string,
  entryPoints: Record<string, string>,
  imports = createPackageImports(),
) {
  const [name = ''] = Object.keys(entryPoints);
  const folder = path.posix.dirname(name);
  const depth = folder === '.' ? 0 : folder.split('/').length;
  const isOneFile = name === CONNECTION;
  return {
    ...commonOptions,
    absWorkingDir: root,
    entryPoints,
    outdir,
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    banner: { js: BANNER },
    define: LOCATION_DEFINITIONS,
    loader: IMPORTED_FILE_LOADERS,
    // Prefer ES modules: esbuild can tree-shake only those.
    mainFields: ['module', 'main'],
    // Folders of handlers may be empty.
    logOverride: { 'empty-glob': 'silent' },
    plugins: [
      fastBuiltins,
      evaluateFailedModulesAgain,
      handlerNames(path.join(root, 'functions', 'handlers')),
      imports.plugin,
      installedPackages(root, isOneFile ? undefined : depth, imports),
      sourceLocation(root, path.join(outdir, folder)),
    ],
  } satisfies BuildOptions;
}

/** `require` is a global that CommonJS packages expect. */
const BANNER = `const require=process.getBuiltinModule("module").createRequire(import.meta.url);${BUNDLE_LOCATION}${BUNDLE_FOLDER_LOCATION}`;

const commonOptions = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  minify: true,
  legalComments: 'none',
  metafile: true,
  logLevel: 'silent',
} satisfies BuildOptions;
