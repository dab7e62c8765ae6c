import { asText, isObject, type JsonObject, tryParseJsonObject } from '../envelope.ts';
import { type HttpResult, httpPost } from '../http-post.ts';
import { type Route, routeTo } from '../route.ts';
import { requireSecure, withoutQuery } from './address.ts';
import { describeNetworkError, LongConnectionError } from './errors.ts';
import { explainRejection } from './rejection.ts';
import { DEFAULT_SETTINGS, readSettings, type Settings } from './settings.ts';

export interface Credentials {
  appId: string;
  appSecret: string;
  /** `https://open.feishu.cn` or `https://open.larksuite.com` */
  domain: string;
}

/** The address and settings of a connection. */
export interface Endpoint {
  /** Contains a ticket in its query: log it only with `withoutQuery`. */
  url: URL;
  /** Sent in every ping. */
  serviceId: number;
  settings: Settings;
}

const PATH = '/callback/ws/endpoint';
/** A typical response has about 500 bytes. */
const MAXIMUM_RESPONSE_BYTES = 64 * 1024;

/**
 * Requests the address of a connection from the platform. Does not follow redirects, and rejects responses larger than
 * 64 KiB.
 *
 * @param withinMs the time limit for the whole request, up to the last byte of the response
 * @throws {LongConnectionError} `FEISHU_LOGIN_REFUSED`, `FEISHU_ADDRESS_INSECURE`, `FEISHU_TOO_MANY_CONNECTIONS` or
 *   `FEISHU_CONNECTION_FAILED`; the last also if `signal` aborts
 */
export async function discover(
  { appId, appSecret, domain }: Credentials,
  withinMs: number,
  signal: AbortSignal,
): Promise<Endpoint> {
  const url = locate(domain);
  const response = await post(url, { AppID: appId, AppSecret: appSecret }, withinMs, signal);
  if (response.code !== 0) throw explainRejection(Number(response.code), String(response.msg ?? ''));
  const data = isObject(response.data) ? response.data : {};
  // Stryker disable next-line StringLiteral: any text that is not a URL causes the same error
  const connectionUrl = URL.parse(asText(data.URL) ?? '');
  if (connectionUrl === null) throw failed(url, 'the response contains no connection URL');
  requireSecure(connectionUrl, 'wss:');
  connectionUrl.hash = '';
  return {
    url: connectionUrl,
    serviceId: readServiceId(connectionUrl),
    settings: readSettings(data.ClientConfig, DEFAULT_SETTINGS),
  };
}

function locate(domain: string): URL {
  const url = URL.parse(PATH, domain);
  if (url === null) {
    throw new LongConnectionError(
      'FEISHU_ADDRESS_INSECURE',
      'FEISHU_DOMAIN is not a URL. Example: https://open.feishu.cn',
    );
  }
  requireSecure(url, 'https:');
  return url;
}

async function post(url: URL, body: JsonObject, withinMs: number, signal: AbortSignal): Promise<JsonObject> {
  const { status, text } = await exchange(url, body, withinMs, signal);
  if (status >= 300 && status < 400) {
    throw failed(
      url,
      `HTTP ${status}, a redirect, which is not followed to protect the app secret. Is FEISHU_DOMAIN correct?`,
    );
  }
  // A rejection can have any status: the code in the body is more specific.
  const json = tryParseJsonObject(text);
  if (typeof json?.code !== 'number') throw failed(url, `HTTP ${status} without a code in the response`);
  return json;
}

async function exchange(url: URL, body: JsonObject, withinMs: number, signal: AbortSignal): Promise<HttpResult> {
  let route: Route | undefined;
  try {
    route = routeTo(url, withinMs);
    return await httpPost(url, route, {
      headers: { 'content-type': 'application/json; charset=utf-8', locale: 'zh' },
      body: JSON.stringify(body),
      maximumResponseBytes: MAXIMUM_RESPONSE_BYTES,
      signal: AbortSignal.any([signal, AbortSignal.timeout(withinMs)]),
    });
  } catch (cause) {
    throw failed(url, `${describe(cause, withinMs)}${route?.via ?? ''}`, cause);
  }
}

function describe(error: unknown, withinMs: number): string {
  if (!(error instanceof Error)) return 'the request failed';
  if (error.name === 'TimeoutError') return `no response within ${withinMs} ms`;
  return error.name === 'AbortError' ? error.name : describeNetworkError(error);
}

/** Pings require an int32. If there is none, the SDKs send 0. */
function readServiceId(url: URL): number {
  const serviceId = Number(url.searchParams.get('service_id'));
  return serviceId === (serviceId | 0) ? serviceId : 0;
}

function failed(url: URL, reason: string, cause?: unknown): LongConnectionError {
  return new LongConnectionError(
    'FEISHU_CONNECTION_FAILED',
    `Cannot get a connection URL from the platform: ${reason} (POST ${withoutQuery(url)}).`,
    { cause },
  );
}
