import path from 'node:path';
import type { Metafile } from 'esbuild';
import {
  approvalsBundle,
  artifactFiles,
  functionBundle,
  platformSdkBundle,
  usesPlatformSdk,
  webhookBundle,
  workerBundle,
} from '../build/bundle.ts';
import { handlerWarnings } from '../build/check-handlers.ts';
import { findHandlerModule, type HandlerModule } from '../build/handler-module.ts';
import { type BundleResult, buildBundle } from './build-bundle.ts';
import { DeploymentError } from './deployment-error.ts';
import { type BundleReport, findFunctionFiles } from './function-files.ts';
import type { FunctionDefinition, Serverless } from './serverless.ts';
import { warnAboutUnsetVariables } from './unset-variables.ts';

/** Below the folder of bundles, so that a function's name cannot collide with another file there. */
const USER_FUNCTIONS_FOLDER = 'functions';
/** The worker contains it if a handler imports `#feishu-events/state` or `#feishu-events/turns`. */
const STATE_MODULE = 'lib/state/state-table.ts';
const TEMPLATE_FUNCTIONS = new Set(['webhook', 'worker', 'approvals']);

/**
 * Bundles the template's functions and each TypeScript function that the user added to serverless.yml. Their artifacts
 * contain only the bundle, the files that its code reads, the packages that cannot be bundled, and the files that the
 * function's `package.patterns` adds.
 *
 * @param root the project's folder
 * @param outdir the folder for the bundles, below `root`
 * @returns what to show to the user, and whether an event handler needs the table of states
 * @throws {DeploymentError} if a function cannot be built, its module or export does not exist, or a package cannot be
 *   installed
 */
export async function bundleFunctions(
  root: string,
  outdir: string,
  service: Serverless['service'],
): Promise<BundleReport & { usesState: boolean }> {
  const { functions } = service;
  const usePackage = (name: string, bundle: string, { metafile }: BundleResult, otherFiles: string[]) => {
    const definition = functions[name];
    if (definition === undefined) return;
    const inRoot = (file: string) => path.posix.join(path.relative(root, outdir), file);
    definition.handler = inRoot(`${bundle}${path.extname(definition.handler)}`);
    const files = [...artifactFiles(bundle, metafile).map(inRoot), ...otherFiles];
    const patterns = ['!**', ...files, ...(definition.package?.patterns ?? [])];
    definition.package = { ...definition.package, individually: true, patterns };
  };

  const added = Object.keys(functions).flatMap((name) => {
    const module = typeScriptModuleOf(root, name, service);
    return module === undefined ? [] : [{ name, module, bundle: `${USER_FUNCTIONS_FOLDER}/${name}` }];
  });
  const [webhook, worker, approvals, ...others] = await Promise.all([
    buildBundle(webhookBundle(root, outdir)),
    buildBundle(workerBundle(root, outdir)),
    'approvals' in functions ? buildBundle(approvalsBundle(root, outdir)) : undefined,
    ...added.map(({ module, bundle }) => buildBundle(functionBundle(root, outdir, bundle, module.source))),
  ]);
  const bundled = [
    { name: 'webhook', bundle: 'webhook', result: webhook },
    { name: 'worker', bundle: 'worker', result: worker },
    ...(approvals === undefined ? [] : [{ name: 'approvals', bundle: 'approvals', result: approvals }]),
    ...added.map(({ name, module, bundle }, index) => {
      const result = others[index] as BundleResult;
      checkExport(name, module, result.metafile);
      return { name, bundle, result };
    }),
  ].filter(({ name }) => name in functions);
  const { files, warnings, notices } = await findFunctionFiles(root, outdir, service, bundled);
  // After the packages, because installing them empties `node_modules`.
  const isWhole = bundled.some(({ result }) => usesPlatformSdk(result.metafile));
  await buildBundle(platformSdkBundle(root, outdir, { isWhole }));
  for (const { name, bundle, result } of bundled) usePackage(name, bundle, result, files.get(name) ?? []);
  const messages = handlerWarnings([...webhook.warnings, ...worker.warnings, ...(approvals?.warnings ?? [])]).map(
    ({ text }) => text,
  );
  const unset = await warnAboutUnsetVariables(root, service, bundled);
  return { warnings: [...messages, ...warnings, ...unset], notices, usesState: containsState(worker) };
}

/**
 * Returns whether an event handler of a project needs the table of states. Writes no files.
 *
 * @param root the project's folder
 * @throws {DeploymentError} if the worker cannot be built
 */
export async function usesState(root: string): Promise<boolean> {
  return containsState(await buildBundle({ ...workerBundle(root, root), write: false, logLevel: 'silent' }));
}

function containsState({ metafile }: BundleResult): boolean {
  return STATE_MODULE in metafile.inputs;
}

/**
 * Returns the TypeScript module of a function that the user added. Functions in another language, with a ready artifact or
 * with a container image are left to the framework.
 */
function typeScriptModuleOf(root: string, name: string, service: Serverless['service']): HandlerModule | undefined {
  const definition = service.functions[name] as FunctionDefinition;
  const { handler, image, layers, runtime = service.provider.runtime } = definition;
  const artifact = definition.package?.artifact ?? service.package?.artifact;
  if (TEMPLATE_FUNCTIONS.has(name) || image !== undefined || artifact !== undefined) return undefined;
  const module = findHandlerModule(root, handler);
  // A layer can contain the module.
  if (module === undefined && runtime?.startsWith('nodejs') && layers === undefined) {
    throw new DeploymentError(
      `The handler of the function ${name} is ${handler}, but there is no such module. Write it as folder/module.export.`,
    );
  }
  return module?.source.endsWith('.ts') ? module : undefined;
}

function checkExport(name: string, { source, exportName }: HandlerModule, { outputs }: Metafile): void {
  const { exports = [] } = Object.values(outputs).find(({ entryPoint }) => entryPoint === source) ?? {};
  if (exports.includes(exportName)) return;
  throw new DeploymentError(`${source} does not export "${exportName}", the handler of the function ${name}.`);
}
