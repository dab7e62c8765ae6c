import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { platformSdkBundle, webhookBundle, workerBundle } from '../../lib/build/bundle.ts';
import { installRuntimeClient } from '../deploy/artifacts/runtime-client.ts';
import { PROJECT_ROOT } from '../support/project.ts';
import { bundleComparator, installComparators } from './comparators.ts';
import type { Program } from './execution-environment.ts';

/** Bundles this project's webhook and worker as they are deployed. */
export async function bundleOurs(folder: string): Promise<{ webhook: Program; worker: Program }> {
  const clientPath = await installRuntimeClient();
  const taskRoot = path.join(folder, 'ours');
  const bundles = [
    webhookBundle(PROJECT_ROOT, taskRoot),
    workerBundle(PROJECT_ROOT, taskRoot),
    platformSdkBundle(PROJECT_ROOT, taskRoot, { isWhole: false }),
  ];
  await Promise.all(bundles.map((bundle) => build(bundle)));
  return {
    webhook: { clientPath, taskRoot, handler: 'webhook.handler' },
    worker: { clientPath, taskRoot, handler: 'worker.handler' },
  };
}

/**
 * Bundles a program of `comparators`, each into a folder of its own.
 *
 * @param name of the file, without its extension
 */
export async function bundleAlternative(folder: string, name: string): Promise<Program> {
  await installComparators();
  const clientPath = await installRuntimeClient();
  const taskRoot = path.join(folder, name);
  await mkdir(taskRoot);
  await bundleComparator(`${name}.mjs`, path.join(taskRoot, `${name}.js`));
  return { clientPath, taskRoot, handler: `${name}.handler` };
}
