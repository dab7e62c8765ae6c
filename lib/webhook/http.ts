import type { APIGatewayProxyEvent, APIGatewayProxyEventV2, LambdaFunctionURLEvent } from 'aws-lambda';
import { RESPONSE_TIME_LIMIT_MILLISECONDS } from '../intake/time-limit.ts';

/** An HTTP request as API Gateway, with payload 1.0 or 2.0, or a function URL passes it to a function. */
export type HttpEvent = APIGatewayProxyEvent | APIGatewayProxyEventV2 | LambdaFunctionURLEvent;

/** The response format that all of them accept. */
export interface HttpResponse {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
}

export interface HttpRequest {
  /** Header names are in lower case. */
  headers: Record<string, string | undefined>;
  /** The raw bytes. */
  body: Buffer;
  /** When the gateway received the request, in milliseconds since the epoch. */
  receivedAt: number;
}

/**
 * Converts a Lambda event to an HTTP request.
 *
 * @param now milliseconds since the epoch
 * @param limitMilliseconds the time limit of the response
 */
export function readHttpEvent(
  event: HttpEvent,
  now: number,
  limitMilliseconds = RESPONSE_TIME_LIMIT_MILLISECONDS,
): HttpRequest {
  const headers: HttpRequest['headers'] = {};
  for (const [name, value] of Object.entries(event.headers ?? {})) headers[name.toLowerCase()] = value;
  return {
    headers,
    body: Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8'),
    receivedAt: readArrival(event, now, limitMilliseconds),
  };
}

/** Creates a response with a JSON body. */
export function jsonResponse(statusCode: number, body: object, headers: Record<string, string> = {}): HttpResponse {
  return {
    statusCode,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(body),
  };
}

/**
 * Returns when the gateway received the request, because the time limit includes a cold start. If no time would be
 * left, or the clocks differ, returns the current time: responding late is better than not at all.
 */
function readArrival({ requestContext }: HttpEvent, now: number, limitMilliseconds: number): number {
  const context = requestContext as { timeEpoch?: number; requestTimeEpoch?: number } | undefined;
  const arrival = context?.timeEpoch ?? context?.requestTimeEpoch ?? now;
  const elapsed = now - arrival;
  return elapsed >= 0 && elapsed < limitMilliseconds ? arrival : now;
}
