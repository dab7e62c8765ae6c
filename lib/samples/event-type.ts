import { distance } from 'fastest-levenshtein';
import { UsageError } from '../cli/command-line.ts';
import { SAMPLE_TYPES, type SampleType } from './samples.ts';

/** As many as a person reads. */
const MAXIMUM_SUGGESTIONS = 3;
const LONGEST_TYPE = Math.max(...SAMPLE_TYPES.map(({ type }) => type.length));
/** One letter in three: with more than that wrong, almost anything would be near to a short type. */
const MAXIMUM_MISTAKES_A_LETTER = 1 / 3;
/** What is longer is near to no type. Comparing takes time for each of its letters. */
const MAXIMUM_TYPED_CHARACTERS = LONGEST_TYPE * (1 + MAXIMUM_MISTAKES_A_LETTER);

/**
 * Finds an event type that a person has typed.
 *
 * @param advice what else to do where it is none of them
 * @throws {UsageError} when there is no such type; the message names those that may have been meant
 */
export function findEventType(typed: string, advice: string): SampleType {
  const found = SAMPLE_TYPES.find(({ type }) => type === typed);
  if (found !== undefined) return found;
  const suggestions = suggestEventTypes(typed);
  const question = suggestions.length === 0 ? '' : ` Did you mean ${formatChoice(suggestions)}?`;
  throw new UsageError(`There is no event type "${typed}".${question}\n${advice}`);
}

/** @returns the type itself, or the only one that contains what a person has typed */
export function completeEventType(typed: string): SampleType | undefined {
  const exact = SAMPLE_TYPES.find(({ type }) => type === typed);
  const containing = SAMPLE_TYPES.filter(({ type }) => typed !== '' && type.includes(typed));
  return exact ?? (containing.length === 1 ? containing[0] : undefined);
}

/** The types that a mistyped or incomplete one may stand for, the likeliest first. */
export function suggestEventTypes(typed: string): string[] {
  if (typed.length > MAXIMUM_TYPED_CHARACTERS) return [];
  const wanted = typed.toLowerCase();
  const candidates = SAMPLE_TYPES.map(({ type }) => ({
    type,
    mistakes: distance(type.toLowerCase(), wanted),
  })).toSorted((one, other) => one.mistakes - other.mistakes);
  const containing = candidates.filter(({ type }) => wanted.length > 2 && type.toLowerCase().includes(wanted));
  const near = candidates.filter(({ type, mistakes }) => mistakes <= type.length * MAXIMUM_MISTAKES_A_LETTER);
  const nearest = near.filter(({ mistakes }) => mistakes === near[0]?.mistakes);
  return (containing.length > 0 ? containing : nearest).slice(0, MAXIMUM_SUGGESTIONS).map(({ type }) => type);
}

/** Writes `a`, `a or b`, `a, b or c`. */
function formatChoice(choices: string[]): string {
  return new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(choices);
}

/**
 * Writes the types for a person, each with the variants of its sample.
 *
 * @param part lists only those whose name contains it
 */
export function formatEventTypes(part: string): string {
  const sections = [
    { title: 'v2.0 events', types: SAMPLE_TYPES.filter(({ version, isCallback }) => version === '2.0' && !isCallback) },
    { title: 'v1.0 events', types: SAMPLE_TYPES.filter(({ version, isCallback }) => version === '1.0' && !isCallback) },
    { title: 'Callbacks', types: SAMPLE_TYPES.filter(({ isCallback }) => isCallback) },
  ];
  return sections
    .map(({ title, types }) => ({ title, types: types.filter(({ type }) => type.includes(part)) }))
    .filter(({ types }) => types.length > 0)
    .map(({ title, types }) => [title, ...types.map((type) => `  ${formatType(type)}`)].join('\n'))
    .join('\n\n');
}

function formatType({ type, variants }: SampleType): string {
  return variants.length < 2 ? type : `${type}   --as ${variants.join(', ')}`;
}
