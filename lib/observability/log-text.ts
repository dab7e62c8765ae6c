const MAXIMUM_CHARACTERS = 256;

/**
 * Shortens text that came with an event, such as its id or type, to what a log line has room for. Real ones have fewer
 * than 100 characters; a body has room for millions.
 *
 * @returns at most 256 characters, the last of which is `…` when some are missing
 */
export function shorten<Text extends string | undefined>(text: Text): Text | string {
  if (text === undefined || text.length <= MAXIMUM_CHARACTERS) return text;
  return `${text.slice(0, MAXIMUM_CHARACTERS - 1)}…`;
}
