import { existsSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { artifactFiles, functionBundle, platformSdkBundle, webhookBundle, workerBundle } from '../build/bundle.ts';
import { handlerWarnings } from '../build/check-handlers.ts';
import { type BundleReport, type FunctionBuild, findFunctionFiles } from './function-files.ts';
import type { FunctionDefinition, Serverless } from './serverless.ts';

/** Below the folder of bundles, so that a function's name cannot collide with another file there. */
const USER_FUNCTIONS_FOLDER = 'functions';

/**
 * Bundles the webhook, the worker, and each TypeScript function that the user added to serverless.yml. Their artifacts
 * contain only the bundle, the files that its code reads, the packages that cannot be bundled, and the files that the
 * function's `package.patterns` adds.
 *
 * @param root the project's folder
 * @param outdir the folder for the bundles, below `root`
 */
export async function bundleFunctions(
  root: string,
  outdir: string,
  service: Serverless['service'],
): Promise<BundleReport> {
  const { functions } = service;
  const usePackage = (name: string, bundle: string, { metafile }: FunctionBuild, added: string[]) => {
    const definition = functions[name];
    if (definition === undefined) return;
    const inRoot = (file: string) => path.posix.join(path.relative(root, outdir), file);
    definition.handler = inRoot(`${bundle}${path.extname(definition.handler)}`);
    const files = [...artifactFiles(bundle, metafile).map(inRoot), ...added];
    const patterns = ['!**', ...files, ...(definition.package?.patterns ?? [])];
    definition.package = { ...definition.package, individually: true, patterns };
  };

  const sources = Object.entries(functions).flatMap(([name, definition]) => {
    const source = sourceOf(root, name, definition);
    return source === undefined ? [] : [{ name, source, bundle: `${USER_FUNCTIONS_FOLDER}/${name}` }];
  });
  const [webhook, worker, ...others] = await Promise.all([
    build(webhookBundle(root, outdir)),
    build(workerBundle(root, outdir)),
    ...sources.map(({ source, bundle }) => build(functionBundle(root, outdir, bundle, source))),
  ]);
  const bundled = [
    { name: 'webhook', bundle: 'webhook', result: webhook },
    { name: 'worker', bundle: 'worker', result: worker },
    ...sources.map(({ name, bundle }, index) => ({ name, bundle, result: others[index] as FunctionBuild })),
  ].filter(({ name }) => name in functions);
  const { files, warnings, notices } = await findFunctionFiles(root, outdir, service, bundled);
  // After the packages, because installing them empties `node_modules`.
  await build(platformSdkBundle(root, outdir));
  for (const { name, bundle, result } of bundled) usePackage(name, bundle, result, files.get(name) ?? []);
  return { warnings: [...handlerWarnings(worker.warnings).map(({ text }) => text), ...warnings], notices };
}

/**
 * Returns the TypeScript module of a function that the user added. Functions in another language, with a ready artifact or
 * with a container image are left to the framework.
 */
function sourceOf(root: string, name: string, { handler, image, package: { artifact } = {} }: FunctionDefinition) {
  if (name === 'webhook' || name === 'worker' || image !== undefined || artifact !== undefined) return undefined;
  // `folder/module.export`
  const source = `${handler.slice(0, -path.extname(handler).length)}.ts`;
  return existsSync(path.join(root, source)) ? source : undefined;
}
