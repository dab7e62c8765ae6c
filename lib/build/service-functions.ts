import { isResolved, readYaml } from './read-yaml.ts';

/** A function's definition as written: variables and CloudFormation tags are not resolved. */
export type RawFunction = Record<string, unknown>;

export interface ServiceFunctions {
  provider: Record<string, unknown>;
  /** By name, in the order of serverless.yml. */
  functions: Map<string, RawFunction>;
  /** Parts of `functions` that only the framework can resolve. */
  unresolved: string[];
}

/**
 * Reads the functions of serverless.yml and of the files that it includes, such as extensions.yml, without the framework,
 * which would need seconds and for some variables an AWS account. {@link isResolved} recognizes unresolved values.
 *
 * @param root the project's folder
 * @throws {Error} if a file cannot be read or is not valid YAML; the message names it
 */
export async function readServiceFunctions(root: string): Promise<ServiceFunctions> {
  const { provider, functions: content } = asObject(await readYaml(root, 'serverless.yml'));
  const functions = new Map<string, RawFunction>();
  const unresolved: string[] = [];
  for (const part of [content ?? []].flat()) {
    const definitions = typeof part === 'string' ? await readIncluded(root, part) : part;
    if (definitions === undefined) unresolved.push(String(part));
    for (const [name, definition] of Object.entries(asObject(definitions))) functions.set(name, asObject(definition));
  }
  return { provider: asObject(provider), functions, unresolved };
}

/** `${file(extensions.yml):functions, null}` */
const INCLUDED_FILE = /^\$\{file\(([^)]+)\)(?::(\w+))?\s*(?:,[^}]*)?\}$/;

/** @returns `undefined` if the variable is not a file's content */
async function readIncluded(root: string, variable: string): Promise<unknown> {
  const [, file, section] = INCLUDED_FILE.exec(variable) ?? [];
  if (file === undefined || !isResolved(file)) return undefined;
  const content = asObject(await readYaml(root, file.trim()));
  return (section === undefined ? content : content[section]) ?? {};
}

/** Returns an empty object for a value that is not an object. */
export function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
