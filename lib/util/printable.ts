/**
 * Control characters except the line feed and the tab, the other characters that end a line (U+2028, U+2029; U+0085 is a
 * control character), and those that change the direction of writing.
 */
const NOT_PRINTABLE = /[^\P{Cc}\n\t]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Starts every line that continues an entry. No entry starts with it. */
export const CONTINUATION = '    | ';

/**
 * Makes text safe for a terminal, which obeys control characters: text from outside could otherwise hide lines, rewrite
 * them or move the cursor. Line feeds stay: see {@link toEntry} and {@link toSingleLine}.
 *
 * @returns the text with such characters written as `\u001b` is
 */
export function toPrintable(text: string): string {
  return text.replace(NOT_PRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Makes text safe for a terminal as one entry: every further line is marked, so that none looks like an entry. */
export function toEntry(text: string): string {
  return toPrintable(text).replaceAll('\n', `\n${CONTINUATION}`);
}

/** Makes text safe for a terminal as one line, with a space for each line feed and tab. */
export function toSingleLine(text: string): string {
  return toPrintable(text).replaceAll(/\s/g, ' ');
}
