import { UsageError } from '../cli/command-line.ts';
import { SAMPLE_TYPES, type SampleType } from '../samples/samples.ts';
import { suggestEventTypes } from '../samples/suggest-event-types.ts';

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
