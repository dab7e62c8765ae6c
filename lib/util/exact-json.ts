declare global {
  interface JSON {
    // Not yet declared in TypeScript's library.
    rawJSON(text: string): unknown;
    isRawJSON(value: unknown): value is { readonly rawJSON: string };
    parse(text: string, reviver: (key: string, value: unknown, context: { source: string }) => unknown): unknown;
  }
}

/** Recursive functions exhaust the stack after some thousand levels. An event has about ten. */
const MAXIMUM_LEVELS = 1_000;

/** Rejects JSON that is nested too deeply to process. */
export class NestingError extends RangeError {
  override readonly name = 'NestingError';

  constructor() {
    super(`The JSON is nested more than ${MAXIMUM_LEVELS} levels deep.`);
  }
}

/**
 * Parses JSON so that `JSON.stringify` writes integers above 2^53 unchanged.
 *
 * @throws {SyntaxError} if the text is not valid JSON
 * @throws {NestingError} if it is nested more than 1,000 levels deep
 */
export function parseExactly(text: string): unknown {
  return parseNumbers(text, JSON.rawJSON);
}

const INTEGER = /^-?\d+$/;

/**
 * Parses JSON so that integers above 2^53 become a `bigint`. All other values are those of `JSON.parse`.
 *
 * @throws {SyntaxError} if the text is not valid JSON
 * @throws {NestingError} if it is nested more than 1,000 levels deep
 */
export function parseBigIntegers(text: string): unknown {
  return parseNumbers(text, (source) => (INTEGER.test(source) ? BigInt(source) : Number(source)));
}

/** @param parse reads a number that is not a safe integer */
function parseNumbers(text: string, parse: (source: string) => unknown): unknown {
  if (isNestedTooDeeply(text)) throw new NestingError();
  return JSON.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) ? parse(source) : value,
  );
}

/** Scans the text once. A regular expression would take quadratic time for some texts. */
function isNestedTooDeeply(text: string): boolean {
  let levels = 0;
  let isInString = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === '"') isInString = !isInString;
    else if (isInString) index += character === '\\' ? 1 : 0;
    else if (character === '{' || character === '[') levels += 1;
    else if (character === '}' || character === ']') levels -= 1;
    if (levels > MAXIMUM_LEVELS) return true;
  }
  return false;
}
