/**
 * Control characters except line feed and tab, the line separators U+2028 and U+2029, and characters that change the
 * writing direction.
 */
const NOT_PRINTABLE = /[^\P{Cc}\n\t]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Marks every further line of an entry. No entry starts with it. */
export const CONTINUATION = '    | ';

/**
 * Escapes control characters in text for a terminal. Otherwise text from outside could hide lines, overwrite them or
 * move the cursor. Keeps line feeds: see {@link toEntry} and {@link toSingleLine}.
 *
 * @returns the text with such characters escaped, for example `\u001b`
 */
export function toPrintable(text: string): string {
  return text.replace(NOT_PRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Escapes text for a terminal as one entry, with every further line marked so that none looks like an entry. */
export function toEntry(text: string): string {
  return toPrintable(text).replaceAll('\n', `\n${CONTINUATION}`);
}

/** Escapes text for a terminal as one line, with a space in place of each line feed and tab. */
export function toSingleLine(text: string): string {
  return toPrintable(text).replaceAll(/\s/g, ' ');
}
