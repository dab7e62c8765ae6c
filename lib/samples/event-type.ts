import { distance } from 'fastest-levenshtein';
import { UsageError } from '../cli/command-line.ts';
import { SAMPLE_TYPES, type SampleType } from './samples.ts';

const MAXIMUM_SUGGESTIONS = 3;
const LONGEST_TYPE = Math.max(...SAMPLE_TYPES.map(({ type }) => type.length));
/** With a higher limit, a short type would match almost any text. */
const MAXIMUM_MISTAKES_PER_LETTER = 1 / 3;
/** A longer text cannot match any type. Comparing takes time for each letter. */
const MAXIMUM_TYPED_CHARACTERS = LONGEST_TYPE * (1 + MAXIMUM_MISTAKES_PER_LETTER);

/**
 * Finds an event type by its name.
 *
 * @param advice the last line of the error message
 * @throws {UsageError} if the type does not exist; the message suggests similar types
 */
export function findEventType(typed: string, advice: string): SampleType {
  const found = SAMPLE_TYPES.find(({ type }) => type === typed);
  if (found !== undefined) return found;
  const suggestions = suggestEventTypes(typed);
  const question = suggestions.length === 0 ? '' : ` Did you mean ${formatChoice(suggestions)}?`;
  throw new UsageError(`There is no event type "${typed}".${question}\n${advice}`);
}

/** Returns the type with the typed name, or the only type that contains the typed text. */
export function completeEventType(typed: string): SampleType | undefined {
  const exact = SAMPLE_TYPES.find(({ type }) => type === typed);
  const containing = SAMPLE_TYPES.filter(({ type }) => typed !== '' && type.includes(typed));
  return exact ?? (containing.length === 1 ? containing[0] : undefined);
}

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

/** Formats `a`, `a or b`, `a, b or c`. */
function formatChoice(choices: string[]): string {
  return new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(choices);
}

/**
 * Lists the event types with the variants of their samples.
 *
 * @param part lists only types whose name contains it
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
