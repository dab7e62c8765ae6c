import type { APIGatewayProxyEvent, APIGatewayProxyEventV2 } from 'aws-lambda';
import type { WebhookRequest } from '../../lib/feishu/request.ts';
import type { HttpEvent } from '../../lib/webhook/http.ts';

interface Transport {
  name: string;
  toEvent: (request: WebhookRequest) => HttpEvent;
}

const asTitleCase = (name: string) => name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
const asUpperCase = (name: string) => name.toUpperCase();
const unchanged = (name: string) => name;

function renameHeaders({ headers }: WebhookRequest, rename: (name: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value = '']) => [rename(name), value]));
}

function payload1(request: WebhookRequest, rename: (name: string) => string, isBase64Encoded: boolean) {
  return {
    resource: '/feishu/events',
    path: '/feishu/events',
    httpMethod: 'POST',
    headers: renameHeaders(request, rename),
    multiValueHeaders: {},
    requestContext: { requestTimeEpoch: Date.now(), httpMethod: 'POST' },
    body: request.body.toString(isBase64Encoded ? 'base64' : 'utf8'),
    isBase64Encoded,
  } as unknown as APIGatewayProxyEvent;
}

function payload2(request: WebhookRequest, rename: (name: string) => string, isBase64Encoded: boolean) {
  return {
    version: '2.0',
    routeKey: 'POST /feishu/events',
    rawPath: '/feishu/events',
    rawQueryString: '',
    headers: renameHeaders(request, rename),
    requestContext: { timeEpoch: Date.now(), http: { method: 'POST', path: '/feishu/events' } },
    body: request.body.toString(isBase64Encoded ? 'base64' : 'utf8'),
    isBase64Encoded,
  } as unknown as APIGatewayProxyEventV2;
}

/** All HTTP event formats that the function receives. */
export const TRANSPORTS: Transport[] = [
  { name: 'payload 2.0, plain', toEvent: (request) => payload2(request, unchanged, false) },
  { name: 'payload 2.0, base64', toEvent: (request) => payload2(request, unchanged, true) },
  { name: 'payload 1.0, plain, Title-Case headers', toEvent: (request) => payload1(request, asTitleCase, false) },
  { name: 'payload 1.0, base64, UPPER-CASE headers', toEvent: (request) => payload1(request, asUpperCase, true) },
  {
    name: 'a function URL, plain',
    toEvent: (request) => ({ ...payload2(request, unchanged, false), routeKey: '$default', rawPath: '/' }),
  },
];

/** Converts a request to an event in payload format 2.0. */
export function toHttpEvent(request: WebhookRequest): HttpEvent {
  return payload2(request, unchanged, false);
}
