import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { vi } from 'vitest';
import type { Emulators } from '../../../lib/local/emulators/emulators.ts';
import { wait } from '../../support/wait.ts';
import { type PackagedFunction, packageFunctions, resolveEnvironment } from './package.ts';
import { type Runtime, startRuntime } from './runtime.ts';
import { installRuntimeClient } from './runtime-client.ts';

export interface PackagedFunctions {
  packaged: Record<'webhook' | 'worker', PackagedFunction>;
  /** @param environment overrides variables of the template and the emulators */
  start(
    name: 'webhook' | 'worker',
    emulators: Emulators,
    environment?: Readonly<Record<string, string>>,
  ): Promise<Runtime>;
  /** Deletes the artifacts. */
  remove(): Promise<void>;
}

/**
 * Packages the functions, to start them under AWS's runtime client.
 *
 * @param secrets the values of the stage's secret
 * @param root the project's folder
 */
export async function createPackagedFunctions(
  secrets: Record<string, string>,
  root?: string,
): Promise<PackagedFunctions> {
  const clientPath = await installRuntimeClient();
  const outdir = await mkdtemp(path.join(tmpdir(), 'feishu-events-package-'));
  const packaged = await packageFunctions(outdir, secrets, root);
  return {
    packaged,
    start(name, emulators, environment) {
      const resources = {
        EventsQueue: emulators.queueUrl,
        DeadLetterQueue: emulators.deadLetterQueueUrl,
        LargeEventsBucket: emulators.largeEventsBucket,
        ClaimsTable: emulators.claimsTable,
      };
      return startRuntime({
        ...packaged[name],
        clientPath,
        functionName: `feishu-events-dev-${name}`,
        environment: {
          ...resolveEnvironment(packaged[name].environment, resources, secrets),
          ...emulators.environment,
          ...environment,
        },
      });
    },
    remove: () => rm(outdir, { recursive: true, force: true }),
  };
}

/** Waits until the function has written a line that the predicate accepts. */
export async function waitForLine({ lines }: Runtime, isExpected: (line: string) => boolean): Promise<void> {
  await vi.waitFor(() => {
    if (!lines.some(isExpected)) throw new Error(`No line is as expected:\n${lines.join('\n')}`);
  }, wait);
}
