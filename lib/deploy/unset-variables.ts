import { findEnvironmentReads } from '../build/environment-reads.ts';
import type { BundledFunction } from './function-files.ts';
import type { Serverless } from './serverless.ts';

/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime */
const SET_BY_LAMBDA = /^(AWS_.*|LAMBDA_.*|_HANDLER|_X_AMZN_TRACE_ID|LANG|PATH|LD_LIBRARY_PATH|NODE_PATH|TZ|HOME|PWD)$/;
/** Usually have a default. */
const CONVENTIONAL = /^(NODE_ENV|NODE_OPTIONS|DEBUG|CI|.*PROXY)$/i;

/**
 * Warns about the environment variables that the user's code reads and that the deployment does not set.
 *
 * @param root the project's folder
 */
export async function warnAboutUnsetVariables(
  root: string,
  { functions, provider }: Serverless['service'],
  bundled: BundledFunction[],
): Promise<string[]> {
  const warnings: string[] = [];
  for (const { name, result } of bundled) {
    const set = { ...provider.environment, ...functions[name]?.environment };
    for (const [variable, module] of await findEnvironmentReads(root, result.metafile)) {
      if (variable in set || SET_BY_LAMBDA.test(variable) || CONVENTIONAL.test(variable)) continue;
      warnings.push(
        `${module} reads process.env.${variable}, which the deployment does not set for the function ${name}. ${adviceFor(name)}`,
      );
    }
  }
  return warnings;
}

function adviceFor(name: string): string {
  if (name === 'worker') return 'Add it to `secrets` or `environment` in extensions.yml.';
  if (name === 'webhook') return 'Add it to `secrets` or `environment` under `callbacks` in extensions.yml.';
  if (name === 'approvals') return 'Add it to `secrets` or `environment` under `approvals` in extensions.yml.';
  return 'Add it to the `environment` of the function.';
}
