import { isDeepStrictEqual } from 'node:util';
import { isObject } from '../../feishu/envelope.ts';

export interface ManifestMerge {
  /** The merged file. In a field that is in conflict it has the project's value. */
  text: string;
  /** Fields that both sides have changed, such as `scripts.test`. */
  conflicts: string[];
  /** Packages of which both sides have changed the version: it is the template's, which its code was tested with. */
  overruled: string[];
}

type Fields = Record<string, unknown>;

/** Says what the project is, not what the template is. */
const OWN_FIELDS = /^(name|version|description|license|author|private|repository)$/;
const PACKAGES = /^(dependencies|devDependencies)\./;

/**
 * Merges `package.json` by fields: as lines, a package of one's own beside one that the template updates would conflict.
 *
 * @param base the version that both come from
 * @param ours the project's
 * @param theirs the newer template's, whose order is kept
 * @throws {SyntaxError} when one is no JSON
 */
export function mergeManifests(base: string, ours: string, theirs: string): ManifestMerge {
  const result = { conflicts: [] as string[], overruled: [] as string[] };

  const mergeFields = (baseFields: Fields, ourFields: Fields, theirFields: Fields, path: string): Fields => {
    const names = new Set([...Object.keys(theirFields), ...Object.keys(ourFields)]);
    const entries = Array.from(names, (name) => [
      name,
      mergeValue(baseFields[name], ourFields[name], theirFields[name], `${path}${name}`),
    ]);
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  };

  const mergeValue = (baseValue: unknown, ourValue: unknown, theirValue: unknown, field: string): unknown => {
    if (isDeepStrictEqual(ourValue, baseValue)) return theirValue;
    if (isDeepStrictEqual(theirValue, baseValue) || isDeepStrictEqual(ourValue, theirValue)) return ourValue;
    if (isObject(ourValue) && isObject(theirValue)) {
      return mergeFields(isObject(baseValue) ? baseValue : {}, ourValue, theirValue, `${field}.`);
    }
    if (OWN_FIELDS.test(field)) return ourValue;
    if (!PACKAGES.test(field)) {
      result.conflicts.push(field);
      return ourValue;
    }
    // A package that the project has removed stays removed.
    if (ourValue === undefined) return undefined;
    result.overruled.push(field);
    return theirValue;
  };

  const merged = mergeFields(JSON.parse(base), JSON.parse(ours), JSON.parse(theirs), '');
  return { text: `${JSON.stringify(merged, null, 2)}\n`, ...result };
}
