import { isDeepStrictEqual } from 'node:util';
import { isObject } from '../../feishu/envelope.ts';

export interface ManifestMerge {
  /** The merged file. Conflicting fields have the project's value. */
  text: string;
  /** Fields that both sides changed, such as `scripts.test`. */
  conflicts: string[];
  /** Packages whose version both sides changed. The template's version wins, because its code was tested with it. */
  replaced: string[];
}

type Fields = Record<string, unknown>;

/** Fields that describe the project. */
const OWN_FIELDS = /^(name|version|description|license|author|private|repository)$/;
const PACKAGES = /^(dependencies|devDependencies)\./;

/**
 * Merges `package.json` by field. By line, a package that the project adds next to one that the template updates would
 * conflict.
 *
 * @param base the text in the version that the project started from
 * @param project the project's text
 * @param template the newer template's text, whose field order is kept
 * @throws {SyntaxError} if a text is not valid JSON
 */
export function mergeManifests(base: string, project: string, template: string): ManifestMerge {
  const result = { conflicts: [] as string[], replaced: [] as string[] };

  const mergeFields = (baseFields: Fields, projectFields: Fields, templateFields: Fields, path: string): Fields => {
    const names = new Set([...Object.keys(templateFields), ...Object.keys(projectFields)]);
    const entries = Array.from(names, (name) => [
      name,
      mergeValue(baseFields[name], projectFields[name], templateFields[name], `${path}${name}`),
    ]);
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  };

  const mergeValue = (baseValue: unknown, projectValue: unknown, templateValue: unknown, field: string): unknown => {
    if (isDeepStrictEqual(projectValue, baseValue)) return templateValue;
    if (isDeepStrictEqual(templateValue, baseValue) || isDeepStrictEqual(projectValue, templateValue))
      return projectValue;
    if (isObject(projectValue) && isObject(templateValue)) {
      return mergeFields(isObject(baseValue) ? baseValue : {}, projectValue, templateValue, `${field}.`);
    }
    if (OWN_FIELDS.test(field)) return projectValue;
    if (!PACKAGES.test(field)) {
      result.conflicts.push(field);
      return projectValue;
    }
    // A package that the project has removed stays removed.
    if (projectValue === undefined) return undefined;
    result.replaced.push(field);
    return templateValue;
  };

  const merged = mergeFields(JSON.parse(base), JSON.parse(project), JSON.parse(template), '');
  return { text: `${JSON.stringify(merged, null, 2)}\n`, ...result };
}
