import type { APIGatewayProxyEvent, APIGatewayProxyEventV2, LambdaFunctionURLEvent } from 'aws-lambda';
import { CALLBACK_DEADLINE_MILLISECONDS } from '../intake/intake.ts';

/** What invokes a function by HTTP: API Gateway with payload 1.0 or 2.0, or a function URL. */
export type HttpEvent = APIGatewayProxyEvent | APIGatewayProxyEventV2 | LambdaFunctionURLEvent;

/** What all of them take as the response. */
export interface HttpResponse {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
}

export interface HttpRequest {
  /** Names in lower case. */
  headers: Record<string, string | undefined>;
  /** The bytes as they were sent. */
  body: Buffer;
  /** When the gateway received it, in milliseconds since the epoch. */
  receivedAt: number;
}

/** @param now milliseconds since the epoch */
export function readHttpEvent(event: HttpEvent, now: number): HttpRequest {
  const headers: HttpRequest['headers'] = {};
  for (const [name, value] of Object.entries(event.headers ?? {})) headers[name.toLowerCase()] = value;
  return {
    headers,
    body: Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8'),
    receivedAt: readArrival(event, now),
  };
}

/** @param body is serialised as JSON */
export function jsonResponse(statusCode: number, body: object, headers: Record<string, string> = {}): HttpResponse {
  return {
    statusCode,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(body),
  };
}

/**
 * The time to answer in starts at the gateway: a cold start is part of it. Where that would leave nothing, or the clocks
 * disagree, it starts now: the event is still better queued than refused.
 */
function readArrival({ requestContext }: HttpEvent, now: number): number {
  const context = requestContext as { timeEpoch?: number; requestTimeEpoch?: number } | undefined;
  const arrival = context?.timeEpoch ?? context?.requestTimeEpoch ?? now;
  const elapsed = now - arrival;
  return elapsed >= 0 && elapsed < CALLBACK_DEADLINE_MILLISECONDS ? arrival : now;
}
