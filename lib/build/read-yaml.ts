import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { isNode, parseDocument, visit } from 'yaml';

/**
 * Reads a YAML file of the service without the framework. Variables stay as they are, and a CloudFormation tag such as
 * `!Ref EventsQueue` becomes the text `${!Ref EventsQueue}`, so that {@link isResolved} recognizes it.
 *
 * @param root the project's folder
 * @param name the file's path in it
 * @throws {Error} if the file cannot be read or is not valid YAML; the message names it
 */
export async function readYaml(root: string, name: string): Promise<unknown> {
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

/** Returns whether a value of {@link readYaml} contains no variable and no CloudFormation tag. */
export function isResolved(value: unknown): boolean {
  return !JSON.stringify(value ?? null).includes('${');
}
