import path from 'node:path';
import { openPromise } from 'yauzl';
import { DeploymentError } from './deployment-error.ts';

/** Files that must not be deployed, and what they contain. Paths in a zip file use slashes. */
const FORBIDDEN: readonly [pattern: RegExp, contents: string][] = [
  [/(^|\/)\.env(\.|$)/, 'secrets'],
  [/^\.(local|recorded)\//, 'events'],
  [/(^|\/)\.(git|aws|ssh)\//, 'history or credentials'],
  [/(^|\/)(\.npmrc|\.netrc|id_rsa|id_ed25519|[^/]+\.(pem|key|p12|pfx))$/, 'credentials'],
  [/^test\/|\.test\.[cm]?[jt]sx?$/, 'tests'],
];
/** Packages may contain tests, and certificates of public authorities. */
const IN_PACKAGE = /(^|\/)node_modules\//;
const MAXIMUM_NAMED_FILES = 10;

/**
 * Checks that a function's artifact contains no secrets, events, credentials or tests.
 *
 * @param functionName the function's name in serverless.yml
 * @param file the path of the zip file
 * @throws {DeploymentError} if it contains any; the message names the files
 */
export async function checkArtifact(functionName: string, file: string): Promise<void> {
  const found: string[] = [];
  const zip = await openPromise(file);
  for await (const { fileName } of zip.eachEntry()) {
    const [, contents] = FORBIDDEN.find(([pattern]) => pattern.test(fileName)) ?? [];
    if (contents !== undefined && !IN_PACKAGE.test(fileName)) found.push(`  ${fileName} (${contents})`);
  }
  if (found.length === 0) return;
  const more = found.length > MAXIMUM_NAMED_FILES ? [`  and ${found.length - MAXIMUM_NAMED_FILES} more`] : [];
  throw new DeploymentError(
    `The artifact of the function ${functionName}, ${path.basename(file)}, contains files that must not be deployed:\n` +
      `${[...found.slice(0, MAXIMUM_NAMED_FILES), ...more].join('\n')}\n` +
      `Select its files with \`package.patterns\` of the function ${functionName}, starting with '!**'.`,
  );
}
