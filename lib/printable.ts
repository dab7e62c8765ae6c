/** Control characters but for the line break and the tab, and what turns the direction of writing. */
const NOT_PRINTABLE = /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Makes a text safe for a person's terminal, which obeys control characters: what comes from outside could otherwise
 * hide lines, rewrite them or move the cursor.
 *
 * @returns the text with such characters written as `\u001b` is
 */
export function toPrintable(text: string): string {
  return text.replace(NOT_PRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
