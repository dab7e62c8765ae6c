import { isObject, type JsonObject } from '../feishu/envelope.ts';
import { withoutQuotes } from './error-fields.ts';
import { responseData } from './response-data.ts';

/** Properties in which HTTP clients such as Axios store the request, with its headers and body, and the response. */
const HTTP_PROPERTIES = ['config', 'request', 'response'] as const;
/** Members that distinguish a request, its options or a response from other objects with those names. */
const HTTP_MEMBERS = ['headers', 'url', 'baseURL', 'method', 'auth', 'status', 'statusCode', ...HTTP_PROPERTIES];
const BODY_MEMBERS = ['data', 'body'] as const;

/**
 * Returns whether an object is an HTTP client's request, options, response or plain error, or the client itself, judged
 * by its own and inherited properties. Throws if a Proxy trap or a getter throws.
 */
export function carriesHttp(value: object): boolean {
  // Node's `ClientRequest` stores its headers there as text.
  if ('_header' in value) return true;
  if ('headers' in value && HTTP_MEMBERS.some((name) => name !== 'headers' && name in value)) return true;
  if ('headers' in value && BODY_MEMBERS.some((name) => name in value)) return true;
  return HTTP_PROPERTIES.some((name) => name in value && isHttp(Reflect.get(value, name)));
}

function isHttp(part: unknown): boolean {
  if (typeof part === 'function') return true;
  if (!isObject(part)) return false;
  if (HTTP_MEMBERS.some((name) => name in part)) return true;
  // The result of an SDK call also has `data`, but together with the platform's `code`.
  return typeof part.code !== 'number' && BODY_MEMBERS.some((name) => name in part);
}

/** Returns the loggable parts of an object that {@link carriesHttp}: the HTTP status and the platform's reason. */
export function httpFields(carrier: object): Record<string, unknown> {
  const { response = carrier, message } = carrier as JsonObject;
  const { status, statusCode } = isObject(response) ? response : {};
  const { code, msg } = responseData({ response });
  const numbers = Object.entries({ status: status ?? statusCode, code }).filter(([, value]) => Number.isInteger(value));
  return {
    ...Object.fromEntries(numbers),
    ...(typeof code === 'number' && typeof msg === 'string' && { msg }),
    ...(typeof message === 'string' && { error: withoutQuotes(message) }),
    omitted: 'HTTP request and response',
  };
}
