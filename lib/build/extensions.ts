import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseDocument } from 'yaml';

export const EXTENSIONS_FILE = 'extensions.yml';
const SECTIONS = ['functions', 'resources', 'packages'];
/** https://docs.npmjs.com/cli/configuring-npm/package-json#name */
const PACKAGE_NAME = /^(@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]*$/;

/** What the user adds to the service in `extensions.yml`. */
export interface Extensions {
  functions: Record<string, unknown>;
  /** The names of packages that are installed next to the bundles. */
  packages: string[];
}

/**
 * Reads `extensions.yml` without resolving variables or CloudFormation tags.
 *
 * @param root the project's folder
 * @returns empty sections for those that the file does not contain
 * @throws {Error} if the file is missing, is not YAML, or has an unknown section
 */
export async function readExtensions(root: string): Promise<Extensions> {
  const document = parseDocument(await readFile(path.join(root, EXTENSIONS_FILE), 'utf8'), { logLevel: 'error' });
  const [problem] = document.errors;
  if (problem !== undefined) throw new Error(`${EXTENSIONS_FILE} is not valid YAML: ${problem.message}`);
  const content: unknown = document.toJS() ?? {};
  if (typeof content !== 'object' || Array.isArray(content))
    throw new Error(`${EXTENSIONS_FILE} must contain sections.`);
  const unknown = Object.keys(content as object).find((name) => !SECTIONS.includes(name));
  if (unknown !== undefined) {
    throw new Error(
      `${EXTENSIONS_FILE} has the unknown section \`${unknown}\`. It can contain: ${SECTIONS.join(', ')}.`,
    );
  }
  const { functions, packages } = content as { functions?: Extensions['functions']; packages?: unknown };
  return { functions: functions ?? {}, packages: readPackages(packages) };
}

function readPackages(packages: unknown): string[] {
  if (packages == null) return [];
  if (!Array.isArray(packages)) {
    throw new Error(
      `\`packages\` in ${EXTENSIONS_FILE} must be a list of package names, such as [sharp, pino-pretty].`,
    );
  }
  const invalid: unknown = packages.find((name) => typeof name !== 'string' || !PACKAGE_NAME.test(name));
  if (invalid !== undefined) {
    throw new Error(
      `\`packages\` in ${EXTENSIONS_FILE} contains ${JSON.stringify(invalid)}, which is not the name of a package. package.json has its version.`,
    );
  }
  return packages;
}
