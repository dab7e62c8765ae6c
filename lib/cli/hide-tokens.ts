import { parseExactly } from '../util/exact-json.ts';

/** What stands for a token in the JSON that is shown. */
export const HIDDEN = '•••';

/** `header.token`, the token of a card, `preview_token`, `app_ticket` and whatever else is called so. */
const SECRET_NAME = /(^|_)(token|ticket|secret|password)$/i;
/** Of anything shorter, every other word would be a part. */
const MINIMUM_SECRET_CHARACTERS = 6;

/**
 * The event as indented JSON, with integers above 2^53 as they came, and {@link HIDDEN} for each token.
 *
 * @param text the event's JSON
 */
export function hideTokens(text: string): string {
  const hide = (name: string, value: unknown) =>
    SECRET_NAME.test(name) && typeof value === 'string' && value !== '' ? HIDDEN : value;
  return JSON.stringify(parseExactly(text), hide, 2);
}

/**
 * The counterpart of {@link hideTokens}, for an event that was changed meanwhile.
 *
 * @param text the changed event's JSON
 * @param original the event's JSON, with the tokens
 * @throws {SyntaxError} when the text is no JSON
 */
export function restoreTokens(text: string, original: string): string {
  return JSON.stringify(restore(parseExactly(text), JSON.parse(original)));
}

function restore(value: unknown, original: unknown): unknown {
  if (value === HIDDEN) return typeof original === 'string' ? original : '';
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return value;
  const before = (typeof original === 'object' ? original : null) ?? {};
  const restored = Object.entries(value).map(([name, part]) => [name, restore(part, Reflect.get(before, name))]);
  return Array.isArray(value) ? restored.map(([, part]) => part) : Object.fromEntries(restored);
}

/**
 * Makes a function that hides the app's own secrets wherever in a JSON text they are: a handler may have logged one.
 *
 * @param secrets as they are in the environment: several may be separated by commas
 */
export function createConcealer(secrets: readonly (string | undefined)[]): (json: string) => string {
  const values = secrets
    .flatMap((secret) => (secret ?? '').split(','))
    .map((secret) => JSON.stringify(secret.trim()).slice(1, -1))
    .filter(({ length }) => length >= MINIMUM_SECRET_CHARACTERS);
  return (json) => values.reduce((text, value) => text.replaceAll(value, HIDDEN), json);
}
