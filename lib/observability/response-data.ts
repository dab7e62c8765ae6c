import { isObject, type JsonObject } from '../feishu/envelope.ts';

/**
 * Returns the response body of an error from the official SDK's HTTP client. If the platform rejects a request, the
 * body contains the reason as `code` and `msg`.
 *
 * @returns an empty object if the error has no response
 * @see https://open.feishu.cn/document/server-docs/api-call-guide/generic-error-code
 */
export function responseData(error: unknown): JsonObject {
  const response = isObject(error) && isObject(error.response) ? error.response : {};
  return isObject(response.data) ? response.data : {};
}
