import { readExtensions } from './extensions.ts';
import { isResolved, readYaml } from './read-yaml.ts';
import { readWorkerTimeout } from './worker-timeout.ts';

/** The settings of `extensions.yml` that also apply to `npm start`. */
export interface LocalSettings {
  workerTimeoutSeconds: number;
  /** Variables for the handlers of events, callbacks and approvals, whose values need neither the framework nor AWS. */
  environment: Record<'worker' | 'callbacks' | 'approvals', Record<string, string>>;
  /** Whether callback handlers have the `feishu` client. */
  callbacksHaveClient: boolean;
}

/**
 * Reads the settings without the framework. Values that contain variables or CloudFormation tags are skipped.
 *
 * @param root the project's folder
 * @throws {Error} if a file or a value is invalid; the message names it
 */
export async function readLocalSettings(root: string): Promise<LocalSettings> {
  const { params, environment, callbacks, approvals } = await readExtensions(root);
  const defaults = (await readYaml(root, 'deploy/parameters.yml')) as Record<string, unknown>;
  const timeout = params.default?.workerTimeout;
  return {
    workerTimeoutSeconds: readWorkerTimeout(timeout != null && isResolved(timeout) ? timeout : defaults.workerTimeout),
    environment: {
      worker: literalValues(environment),
      callbacks: literalValues(callbacks.environment),
      approvals: literalValues(approvals.environment),
    },
    callbacksHaveClient: callbacks.feishu,
  };
}

function literalValues(environment: Record<string, unknown>): Record<string, string> {
  const literals = Object.entries(environment).filter(([, value]) => value != null && isResolved(value));
  return Object.fromEntries(literals.map(([name, value]) => [name, String(value)]));
}
