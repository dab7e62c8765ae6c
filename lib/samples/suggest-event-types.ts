import { distance } from 'fastest-levenshtein';
import { SAMPLE_TYPES } from './samples.ts';

const MAXIMUM_SUGGESTIONS = 3;
const LONGEST_TYPE = Math.max(...SAMPLE_TYPES.map(({ type }) => type.length));
/** With a higher limit, a short type would match almost any text. */
const MAXIMUM_MISTAKES_PER_LETTER = 1 / 3;
/** A longer text cannot match any type. Comparing takes time for each letter. */
const MAXIMUM_TYPED_CHARACTERS = LONGEST_TYPE * (1 + MAXIMUM_MISTAKES_PER_LETTER);

/** Suggests types for a mistyped or incomplete name, most similar first. */
export function suggestEventTypes(typed: string): string[] {
  if (typed.length > MAXIMUM_TYPED_CHARACTERS) return [];
  const name = typed.toLowerCase();
  const candidates = SAMPLE_TYPES.map(({ type }) => ({
    type,
    mistakes: distance(type.toLowerCase(), name),
  })).toSorted((one, other) => one.mistakes - other.mistakes);
  const containing = candidates.filter(({ type }) => name.length > 2 && type.toLowerCase().includes(name));
  const near = candidates.filter(({ type, mistakes }) => mistakes <= type.length * MAXIMUM_MISTAKES_PER_LETTER);
  const nearest = near.filter(({ mistakes }) => mistakes === near[0]?.mistakes);
  return (containing.length > 0 ? containing : nearest).slice(0, MAXIMUM_SUGGESTIONS).map(({ type }) => type);
}
