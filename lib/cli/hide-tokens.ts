import { parseExactly } from '../util/exact-json.ts';

/** Replaces tokens in JSON that is shown. */
export const HIDDEN = '•••';

/** Matches field names such as `token`, `preview_token` and `app_ticket`. */
const SECRET_NAME = /(^|_)(token|ticket|secret|password)$/i;
/** A shorter secret would match parts of ordinary words. */
const MINIMUM_SECRET_CHARACTERS = 6;

/**
 * Formats an event as indented JSON, with {@link HIDDEN} for each token and with integers above 2^53 intact.
 *
 * @param text the event's JSON
 */
export function hideTokens(text: string): string {
  const hide = (name: string, value: unknown) =>
    SECRET_NAME.test(name) && typeof value === 'string' && value !== '' ? HIDDEN : value;
  return JSON.stringify(parseExactly(text), hide, 2);
}

/**
 * Reverses {@link hideTokens} for an event that may have been edited.
 *
 * @param text the edited event's JSON
 * @param original the original event's JSON, with its tokens
 * @throws {SyntaxError} if the text is not valid JSON
 */
export function restoreTokens(text: string, original: string): string {
  return JSON.stringify(restore(parseExactly(text), JSON.parse(original)));
}

function restore(value: unknown, original: unknown): unknown {
  if (value === HIDDEN) return typeof original === 'string' ? original : '';
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return value;
  const fields = (typeof original === 'object' ? original : null) ?? {};
  const restored = Object.entries(value).map(([name, part]) => [name, restore(part, Reflect.get(fields, name))]);
  return Array.isArray(value) ? restored.map(([, part]) => part) : Object.fromEntries(restored);
}

/**
 * Creates a function that hides the app's secrets anywhere in a JSON text, because a handler may have logged one.
 *
 * @param secrets values of environment variables; each may contain several secrets, separated by commas
 */
export function createConcealer(secrets: readonly (string | undefined)[]): (json: string) => string {
  const values = secrets
    .flatMap((secret) => (secret ?? '').split(','))
    .map((secret) => JSON.stringify(secret.trim()).slice(1, -1))
    .filter(({ length }) => length >= MINIMUM_SECRET_CHARACTERS);
  return (json) => values.reduce((text, value) => text.replaceAll(value, HIDDEN), json);
}
