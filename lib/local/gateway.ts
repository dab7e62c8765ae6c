import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { APPROVALS_PATH } from '../approvals/path.ts';
import { type HttpResponse, jsonResponse } from '../webhook/http.ts';
import { WEBHOOK_PATH } from '../webhook/path.ts';
import type { RequestHandler } from './http-server.ts';
import { INSPECTOR_PATH, type Inspector } from './inspector/inspector.ts';

export const EVENTS_PATH = '/_events';

export type InvokeFunction = (event: APIGatewayProxyEventV2) => Promise<unknown>;

export interface GatewayOptions {
  invokeWebhook: InvokeFunction;
  /** Finds the function for a module in `functions/handlers/approvals`. Set only in the local stack. */
  findApproval?: (name: string) => Promise<InvokeFunction | undefined>;
  /** Lists the events and the rejected requests. */
  listEvents: () => object[];
  /** Set only in the local stack. */
  inspector?: Inspector;
}

/** Emulates an API Gateway HTTP API with payload format 2.0, and serves the inspector and the list of events. */
export function createGateway({ invokeWebhook, findApproval, listEvents, inspector }: GatewayOptions): RequestHandler {
  return async (request, body) => {
    // A URL that cannot be parsed matches no route.
    const { pathname = '', search = '' } = URL.parse(request.url ?? '/', 'http://localhost') ?? {};
    const route = `${request.method} ${pathname}`;
    const isInspectorPath = INSPECTOR_PATH.test(pathname);
    // The platform's requests arrive under any host name, through tunnels. Requests for events must come from this machine.
    const rejection = isInspectorPath || pathname === EVENTS_PATH ? inspector?.reject(request) : undefined;
    if (rejection !== undefined) return rejection;
    if (isInspectorPath && inspector !== undefined) return inspector.respond(request, body);
    if (route === `GET ${EVENTS_PATH}`) {
      const events = jsonResponse(200, listEvents());
      return inspector?.conceal(events) ?? events;
    }
    const isApproval = request.method === 'POST' && pathname.startsWith(APPROVALS_PATH);
    const findInvoke = async () => {
      if (isApproval) return findApproval?.(pathname.slice(APPROVALS_PATH.length));
      return route === `POST ${WEBHOOK_PATH}` ? invokeWebhook : undefined;
    };
    try {
      const invoke = await findInvoke();
      if (invoke === undefined) return notFound(isApproval);
      return toHttpResponse(await invoke(toGatewayEvent(request, pathname, search.slice(1), body)));
    } catch {
      // API Gateway responds with nothing more either. The function's log has the reason.
      return jsonResponse(500, { message: 'Internal Server Error' });
    }
  };
}

function notFound(isApproval: boolean): HttpResponse {
  const advice = isApproval
    ? 'functions/handlers/approvals has no module for this URL.'
    : `Available: POST ${WEBHOOK_PATH}, GET ${EVENTS_PATH}, GET /`;
  return jsonResponse(404, { message: `Not Found. ${advice}` });
}

function toGatewayEvent(
  request: IncomingMessage,
  path: string,
  rawQueryString: string,
  body: Buffer,
): APIGatewayProxyEventV2 {
  const now = Date.now();
  const routeKey = `POST ${path}`;
  const isBase64Encoded = !isUtf8(body);
  const headers = Object.entries(request.headersDistinct).map(([name, values = []]) => [name, values.join(',')]);
  return {
    version: '2.0',
    routeKey,
    rawPath: path,
    rawQueryString,
    headers: Object.fromEntries(headers),
    requestContext: {
      accountId: '000000000000',
      apiId: 'local',
      domainName: 'localhost',
      domainPrefix: 'localhost',
      http: {
        method: 'POST',
        path,
        protocol: 'HTTP/1.1',
        sourceIp: request.socket.remoteAddress ?? '',
        userAgent: request.headers['user-agent'] ?? '',
      },
      requestId: `local-${now}`,
      routeKey,
      stage: '$default',
      time: new Date(now).toISOString(),
      timeEpoch: now,
    },
    body: body.toString(isBase64Encoded ? 'base64' : 'utf8'),
    isBase64Encoded,
  };
}

function toHttpResponse(result: unknown): HttpResponse {
  const { statusCode = 200, headers = {}, body = '' } = (result ?? {}) as Partial<HttpResponse>;
  return { statusCode, headers, body };
}
