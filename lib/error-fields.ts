import { isObject } from './feishu/envelope.ts';

/**
 * What a log may hold of an error: its name, message, stack and code. Not its other properties: an HTTP client's error
 * carries the request with its Authorization header.
 */
export function errorFields(error: unknown): { error: string; stack?: string } {
  if (!(error instanceof Error)) return { error: typeof error === 'string' ? error : `a thrown ${typeof error}` };
  return {
    error: `${error.name}: ${error.message}${platformReason(error)}`,
    ...(error.stack && { stack: error.stack }),
  };
}

/** The platform's API says in its response's `code` and `msg` why it refused a call. */
function platformReason(error: Error): string {
  const response = 'response' in error && isObject(error.response) ? error.response : {};
  const data = isObject(response.data) ? response.data : {};
  return typeof data.code === 'number' ? ` (Feishu: ${data.code} ${String(data.msg)})` : '';
}
