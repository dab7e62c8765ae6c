import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { isNode, parseDocument, visit } from 'yaml';

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
 * which would need seconds and for some variables an AWS account. A CloudFormation tag such as `!Ref EventsQueue` becomes
 * the text `${!Ref EventsQueue}`, so that {@link isResolved} recognizes it.
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

/** Returns whether a value of {@link readServiceFunctions} contains no variable and no CloudFormation tag. */
export function isResolved(value: unknown): boolean {
  return !JSON.stringify(value ?? null).includes('${');
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

async function readYaml(root: string, name: string): Promise<unknown> {
  const text = await readFile(path.resolve(root, name), 'utf8').catch((cause) => {
    throw new Error(`Cannot read ${name}: ${cause.message}`, { cause });
  });
  const document = parseDocument(text, { logLevel: 'error', merge: true });
  const [problem] = document.errors;
  if (problem !== undefined) throw new Error(`${name} is not valid YAML: ${problem.message}`);
  visit(document, {
    Node(_, node) {
      // Tags of YAML itself, such as `!!str`, have a URI.
      if (!isNode(node) || node.tag?.startsWith('!') !== true) return undefined;
      const content: unknown = node.toJS(document);
      const argument = typeof content === 'string' ? content : JSON.stringify(content);
      return document.createNode(`\${${node.tag} ${argument}}`);
    },
  });
  return document.toJS();
}

/** Returns an empty object for a value that is not an object. */
export function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
