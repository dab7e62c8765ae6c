import { existsSync } from 'node:fs';
import path from 'node:path';
import { build, type Metafile } from 'esbuild';
import { artifactFiles, functionBundle, platformSdkBundle, webhookBundle, workerBundle } from '../build/bundle.ts';
import { handlerWarnings } from '../build/check-handlers.ts';
import type { FunctionDefinition, Serverless } from './serverless.ts';

/** Below the folder of bundles, so that a function's name cannot collide with another file there. */
const USER_FUNCTIONS_FOLDER = 'functions';

/**
 * Bundles the webhook, the worker, and each TypeScript function that the user added to serverless.yml. Their artifacts
 * contain only the bundle and the files that the function's `package.patterns` adds.
 *
 * @param root the project's folder
 * @param outdir the folder for the bundles, below `root`
 * @returns warnings about handlers
 */
export async function bundleFunctions(root: string, outdir: string, service: Serverless['service']): Promise<string[]> {
  const { functions } = service;
  const usePackage = (name: string, bundle: string, metafile: Metafile) => {
    const definition = functions[name];
    if (definition === undefined) return;
    const inRoot = (file: string) => path.posix.join(path.relative(root, outdir), file);
    definition.handler = inRoot(`${bundle}${path.extname(definition.handler)}`);
    const files = artifactFiles(bundle, metafile).map(inRoot);
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
    build(platformSdkBundle(root, outdir)),
  ]);
  usePackage('webhook', 'webhook', webhook.metafile);
  usePackage('worker', 'worker', worker.metafile);
  for (const [index, { name, bundle }] of sources.entries()) {
    usePackage(name, bundle, (others[index] as { metafile: Metafile }).metafile);
  }
  return handlerWarnings([...webhook.warnings, ...worker.warnings]).map(({ text }) => text);
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
