const MAXIMUM_CHARACTERS = 256;

/**
 * Shortens text from an event, such as its id or type, for a log line. Real ids and types have fewer than 100
 * characters, but a forged one could have millions.
 *
 * @returns at most 256 characters; the last is `…` if the text was shortened
 */
export function shorten<Text extends string | undefined>(text: Text): Text | string {
  if (text === undefined || text.length <= MAXIMUM_CHARACTERS) return text;
  return `${text.slice(0, MAXIMUM_CHARACTERS - 1)}…`;
}
