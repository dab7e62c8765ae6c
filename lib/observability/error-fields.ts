import { responseData } from './response-data.ts';

/** V8 quotes the text that it cannot parse: `Unexpected token 'H', "Hello, Bob" is not valid JSON`. */
const QUOTED_JSON = /(?:Unexpected token '.{1,2}', )?(?:\.{3})?".{0,60}?"(?:\.{3})? is not valid JSON/gs;

/** Limits long chains and cycles of causes. */
const MAXIMUM_CAUSES = 5;

const UNREADABLE = 'an error that cannot be read';

export type ErrorFields = { error: string; stack?: string; cause?: string };

/**
 * Returns the parts of an error that may be logged: its name, message and stack, the names and messages of its causes,
 * and the `code` and `msg` of the platform's response. Other properties are omitted, because an HTTP client's error
 * contains the request with its Authorization header. Text that `JSON.parse` quotes is removed, because it may be part
 * of a user's message.
 *
 * @param error any value, because a handler can throw anything; reading it never throws
 */
export function errorFields(error: unknown): ErrorFields {
  const stack = readOr(undefined, () => (isError(error) ? error.stack : undefined));
  const causes = readOr([], () => causesOf(error, MAXIMUM_CAUSES));
  return {
    error: describe(error),
    ...(typeof stack === 'string' && stack !== '' && { stack: withoutQuotes(stack) }),
    ...(causes.length > 0 && { cause: causes.join('; ') }),
  };
}

/** Returns whether a value is an error, even of another realm. Throws if it is a Proxy whose trap throws. */
export function isError(value: unknown): value is Error {
  return Error.isError(value) || value instanceof Error;
}

/** Removes the text that V8 quotes in a message about invalid JSON. */
export function withoutQuotes(text: string): string {
  return text.replace(QUOTED_JSON, 'The text is not valid JSON');
}

function describe(error: unknown): string {
  return readOr(UNREADABLE, () => {
    if (typeof error === 'string') return withoutQuotes(error);
    const description = isError(error)
      ? `${String(error.name)}: ${withoutQuotes(String(error.message))}`
      : `a thrown ${error === null ? 'null' : typeof error}`;
    return `${description}${readOr('', () => platformReason(error))}`;
  });
}

function platformReason(error: unknown): string {
  const { code, msg } = responseData(error);
  return typeof code === 'number' ? ` (Feishu: ${code} ${String(msg)})` : '';
}

function causesOf(error: unknown, maximum: number): string[] {
  if (!isError(error) || maximum === 0) return [];
  const errors: unknown = 'errors' in error ? error.errors : [];
  const direct = [...(error.cause == null ? [] : [error.cause]), ...(Array.isArray(errors) ? errors : [])];
  return direct
    .slice(0, maximum)
    .flatMap((cause) => [describe(cause), ...readOr([], () => causesOf(cause, maximum - 1))])
    .slice(0, maximum);
}

function readOr<Value>(fallback: Value, read: () => Value): Value {
  try {
    return read();
  } catch {
    return fallback;
  }
}
