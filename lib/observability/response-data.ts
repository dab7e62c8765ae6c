import { isObject, type JsonObject } from '../feishu/envelope.ts';

/**
 * Reads the response body from an error of the official SDK's HTTP client. In it the platform's API gives the reason of
 * a refusal as `code` and `msg`.
 *
 * @returns an empty object if the error carries no response
 * @see https://open.feishu.cn/document/server-docs/api-call-guide/generic-error-code
 */
export function responseData(error: unknown): JsonObject {
  const response = isObject(error) && isObject(error.response) ? error.response : {};
  return isObject(response.data) ? response.data : {};
}
