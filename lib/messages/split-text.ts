/** A line that begins or ends a code block, with its indentation, mark and language. */
const FENCE = /^( {0,3})(`{3,}|~{3,})(.*)$/;

/** A line break in the second half of a part is a better end than a sentence, a space, and the middle of a word. */
const ENDS = ['\n\n', '\n', '。', ' '] as const;
/** Longer than a character, such as an emoji of several people. */
const LONGEST_CHARACTER = 40;
const CHARACTERS = new Intl.Segmenter();

/**
 * Splits a text into parts that are small enough to send.
 *
 * @param maximumBytes the size of a part, as JSON in UTF-8
 * @returns at least one part, none of which is blank if there are several; a character is split only if it is too long
 */
export function splitText(text: string, maximumBytes: number): string[] {
  const parts: string[] = [];
  let rest = text;
  while (jsonBytes(rest) > maximumBytes) {
    const end = endOfPart(rest, maximumBytes);
    const part = rest.slice(0, end).trimEnd();
    // The platform rejects blank messages.
    if (part !== '') parts.push(part);
    rest = rest.slice(end).replace(/^\n+/, '');
  }
  return rest.trim() === '' && parts.length > 0 ? parts : [...parts, rest];
}

/** Splits a Markdown text like {@link splitText}. A code block that is split is closed and opened again. */
export function splitMarkdown(text: string, maximumBytes: number): string[] {
  // For the lines that close and reopen a code block.
  const reserved = 200;
  const parts = splitText(text, maximumBytes - reserved);
  let open: string | undefined;
  return parts.map((part) => {
    const begin = open === undefined ? '' : `${open}\n`;
    open = fenceAfter(part, open);
    const [, , mark = ''] = FENCE.exec(open ?? '') ?? [];
    return `${begin}${part}${open === undefined ? '' : `\n${mark}`}`;
  });
}

/** Returns the line that opened the code block in which a part ends. */
function fenceAfter(part: string, before: string | undefined): string | undefined {
  let open = before;
  for (const line of part.split('\n')) {
    const [, , mark = '', rest = ''] = FENCE.exec(line) ?? [];
    if (mark === '') continue;
    const [, , opening = ''] = FENCE.exec(open ?? '') ?? [];
    if (open === undefined) open = line.slice(0, 40);
    else if (mark.startsWith(opening) && rest.trim() === '') open = undefined;
  }
  return open;
}

function endOfPart(text: string, maximumBytes: number): number {
  const longest = longestPrefix(text, maximumBytes);
  for (const end of ENDS) {
    const index = text.lastIndexOf(end, longest - end.length);
    if (index >= longest / 2) return index + end.length;
  }
  return longest;
}

/** Returns the length of the longest prefix of whole characters that is small enough, at least one character. */
function longestPrefix(text: string, maximumBytes: number): number {
  let [low, high] = [1, Math.min(text.length, maximumBytes)];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (jsonBytes(text.slice(0, middle)) <= maximumBytes) low = middle;
    else high = middle - 1;
  }
  const whole = wholeCharacters(text, low);
  if (whole > 0) return whole;
  const splitsCodePoint = /[\uD800-\uDBFF]/.test(text.charAt(low - 1)) && /[\uDC00-\uDFFF]/.test(text.charAt(low));
  if (!splitsCodePoint) return low;
  return low > 1 ? low - 1 : 2;
}

/** Returns the end of the last whole character up to an index. */
function wholeCharacters(text: string, index: number): number {
  if (index >= text.length) return text.length;
  const begin = Math.max(index - LONGEST_CHARACTER, 0);
  const character = CHARACTERS.segment(text.slice(begin, index + LONGEST_CHARACTER)).containing(index - begin);
  return character === undefined ? index : begin + character.index;
}

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}
