import { isObject } from './feishu/envelope.ts';

/** V8 says what it could not parse: `Unexpected token 'H', "Hello, Bob" is not valid JSON`. */
const QUOTES_TEXT = /is not valid JSON$/;

type ErrorFields = { error: string; stack?: string };

/**
 * What a log may hold of an error: its name, message and stack. Not its other properties: an HTTP client's error carries
 * the request with its Authorization header. And not what `JSON.parse` quotes, which may be what people wrote.
 */
export function errorFields(error: unknown): ErrorFields {
  try {
    return readError(error);
  } catch {
    // A getter of its own threw. What becomes of the event must not depend on that.
    return { error: 'an error that cannot be read' };
  }
}

function readError(error: unknown): ErrorFields {
  if (!(error instanceof Error)) return { error: typeof error === 'string' ? error : `a thrown ${typeof error}` };
  const message = withoutQuote(error, error.message);
  return {
    error: `${error.name}: ${message}${platformReason(error)}`,
    ...(error.stack && { stack: withoutQuote(error, error.stack) }),
  };
}

function withoutQuote(error: Error, text: string): string {
  if (!(error instanceof SyntaxError) || !QUOTES_TEXT.test(error.message)) return text;
  return text.replace(error.message, 'The text is not valid JSON');
}

/** The platform's API says in its response's `code` and `msg` why it refused a call. */
function platformReason(error: Error): string {
  const response = 'response' in error && isObject(error.response) ? error.response : {};
  const data = isObject(response.data) ? response.data : {};
  return typeof data.code === 'number' ? ` (Feishu: ${data.code} ${String(data.msg)})` : '';
}
