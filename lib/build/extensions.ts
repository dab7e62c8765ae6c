import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseDocument } from 'yaml';

const FILE = 'extensions.yml';
const SECTIONS = ['functions', 'resources'];

/** What the user adds to the service in `extensions.yml`. */
export interface Extensions {
  functions: Record<string, unknown>;
}

/**
 * Reads `extensions.yml` without resolving variables or CloudFormation tags.
 *
 * @param root the project's folder
 * @returns empty sections for those that the file does not contain
 * @throws {Error} if the file is missing, is not YAML, or has an unknown section
 */
export async function readExtensions(root: string): Promise<Extensions> {
  const document = parseDocument(await readFile(path.join(root, FILE), 'utf8'), { logLevel: 'error' });
  const [problem] = document.errors;
  if (problem !== undefined) throw new Error(`${FILE} is not valid YAML: ${problem.message}`);
  const content: unknown = document.toJS() ?? {};
  if (typeof content !== 'object' || Array.isArray(content)) throw new Error(`${FILE} must contain sections.`);
  const unknown = Object.keys(content as object).find((name) => !SECTIONS.includes(name));
  if (unknown !== undefined) {
    throw new Error(`${FILE} has the unknown section \`${unknown}\`. It can contain: ${SECTIONS.join(', ')}.`);
  }
  const { functions } = content as Partial<Extensions>;
  return { functions: functions ?? {} };
}
