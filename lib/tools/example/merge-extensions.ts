import { type Document, isMap, isNode, isScalar, isSeq, type Node, parseDocument, type YAMLMap } from 'yaml';

export interface ExtensionsMerge {
  text: string;
  /** The paths of the settings that were added, for example `environment.MODEL`. */
  added: string[];
  /** The paths of settings that both files contain with different values. The project's were kept. */
  kept: string[];
}

/**
 * Adds the settings of an example to the project's `extensions.yml`. Comments and CloudFormation tags are kept.
 *
 * @param project the text of the project's file
 * @param example the text of the example's file
 * @throws {Error} if the project's file is not valid YAML
 */
export function mergeExtensions(project: string, example: string): ExtensionsMerge {
  const target = parse(project);
  const source = parse(example);
  const added: string[] = [];
  const kept: string[] = [];

  const mergeMap = (own: YAMLMap, addition: YAMLMap, path: string[]) => {
    for (const { key, value } of addition.items) {
      const itemPath = [...path, String(key)];
      const existing = own.get(key, true);
      if (isEmpty(existing)) {
        own.set(key, value);
        own.flow = false;
        added.push(itemPath.join('.'));
      } else merge(existing as Node, value as Node, itemPath);
    }
  };

  const merge = (own: Node, addition: Node, path: string[]) => {
    // A mixture of two definitions of a resource would be neither.
    const isResource = path[0] === 'resources' && path.length > 2;
    if (isMap(own) && isMap(addition) && !isResource) return mergeMap(own, addition, path);
    if (isSeq(own) && isSeq(addition)) {
      const existing = new Set(own.items.map(String));
      const missing = addition.items.filter((item) => !existing.has(String(item)));
      own.items.push(...missing);
      if (missing.length > 0) added.push(path.join('.'));
    } else if (String(own) !== String(addition)) kept.push(path.join('.'));
  };

  mergeMap(target.sections, source.sections, []);
  return { text: added.length === 0 ? project : target.document.toString({ lineWidth: 0 }), added, kept };
}

function parse(text: string): { document: Document; sections: YAMLMap } {
  // The type of a parsed document would not accept nodes of another one.
  const document: Document = parseDocument(text, { logLevel: 'silent' });
  const [problem] = document.errors;
  if (problem !== undefined) throw new Error(`extensions.yml is not valid YAML: ${problem.message}`);
  document.contents ??= document.createNode({});
  if (!isMap(document.contents)) throw new Error('extensions.yml must contain sections.');
  return { document, sections: document.contents };
}

/** Returns whether a setting has no value yet, such as the sections of the file that the template ships. */
function isEmpty(value: unknown): boolean {
  if (!isNode(value)) return value == null;
  return isScalar(value) ? value.value === null : (isMap(value) || isSeq(value)) && value.items.length === 0;
}
