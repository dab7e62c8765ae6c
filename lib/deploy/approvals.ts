import { APPROVALS_PATH } from '../approvals/path.ts';
import { DeploymentError } from './deployment-error.ts';
import type { DeployOptions } from './options.ts';
import type { Serverless } from './serverless.ts';

const HANDLER = 'functions/approvals.handler';

/**
 * Gives the function `approvals` a route for each module in `functions/handlers/approvals`, or removes it if there is no
 * module.
 *
 * @param functions changed in place
 * @param modules the names of the modules
 * @throws {DeploymentError} if there are modules but no HTTP API, or the user has added a function of the same name
 */
export function applyApprovals(
  functions: Serverless['service']['functions'],
  modules: readonly string[],
  { webhook }: Pick<DeployOptions, 'webhook'>,
): void {
  if (functions.approvals !== undefined && functions.approvals.handler !== HANDLER) {
    throw new DeploymentError(
      'The template has a function called approvals. Give the one in extensions.yml another name.',
    );
  }
  if (modules.length === 0) {
    delete functions.approvals;
    return;
  }
  if (!webhook) {
    throw new DeploymentError(
      'functions/handlers/approvals contains modules, which respond at URLs of the HTTP API, but the parameter ' +
        'webhook=false removes it. Remove webhook=false: the webhook and the long connection can be used at the same time.',
    );
  }
  const { approvals } = functions;
  if (approvals === undefined) return;
  approvals.events = [
    ...(approvals.events ?? []),
    ...modules.map((name) => ({ httpApi: `POST ${APPROVALS_PATH}${name}` })),
  ];
}
