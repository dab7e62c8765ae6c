import { asText, isObject, type JsonObject, tryParseJsonObject } from '../envelope.ts';
import { type HttpResult, httpPost } from '../http-post.ts';
import { type Route, routeTo } from '../route.ts';
import { requireSecure, withoutQuery } from './address.ts';
import { describeNetworkError, LongConnectionError } from './errors.ts';
import { explainRejection, FORBIDDEN } from './rejection.ts';
import { DEFAULT_SETTINGS, readSettings, type Settings } from './settings.ts';

export interface Credentials {
  appId: string;
  /** Not used if there is a `clientAssertion`. */
  appSecret: string;
  /** Logs in with an assertion (RFC 7523) in place of the secret. */
  clientAssertion?: ClientAssertionProvider | undefined;
  /** `https://open.feishu.cn` or `https://open.larksuite.com` */
  domain: string;
}

/**
 * Returns an assertion that a signing service has issued. Called for each login, because assertions expire after a short
 * time.
 *
 * @param audience the host that it is for, such as `open.feishu.cn`
 * @throws {Error} whose message contains no secret. The login is retried.
 */
export type ClientAssertionProvider = (audience: string) => Promise<ClientAssertion>;

interface ClientAssertion {
  value: string;
  /** Receives the login in place of the platform, and forwards it. */
  proxy?: URL | undefined;
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
  { appId, appSecret, clientAssertion, domain }: Credentials,
  withinMs: number,
  signal: AbortSignal,
): Promise<Endpoint> {
  const platform = locate(PATH, domain, 'FEISHU_DOMAIN');
  const { url, headers, body } =
    clientAssertion === undefined
      ? { url: platform, headers: {}, body: { AppSecret: appSecret } }
      : await assertClient(platform, clientAssertion);
  const response = await post(url, headers, { AppID: appId, ...body }, withinMs, signal);
  if (response.code !== 0) {
    const rejection = explainRejection(Number(response.code), String(response.msg ?? ''));
    const isCredential = rejection.code === 'FEISHU_LOGIN_REFUSED' && response.code !== FORBIDDEN;
    if (clientAssertion === undefined || !isCredential) throw rejection;
    // Not final, unlike a wrong secret.
    throw failed(url, `the client assertion was rejected with code ${response.code}. Has it expired?`);
  }
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

/**
 * Prepares a login with an assertion in place of the app secret.
 *
 * The platform does not document it: this is what its official SDKs send (`ClientAssertion`, `X-Target-Service`).
 */
async function assertClient(platform: URL, provide: ClientAssertionProvider) {
  const { value, proxy } = await provide(platform.host).catch((cause) => {
    throw failed(platform, `there is no client assertion: ${cause instanceof Error ? cause.message : cause}`, cause);
  });
  const body = { AppSecret: '', ClientAssertion: value };
  if (proxy === undefined) return { url: platform, headers: {}, body };
  const url = locate(`${proxy.pathname}${PATH}`.replaceAll('//', '/'), proxy.origin, 'FEISHU_CLIENT_ASSERTION_PROXY');
  return { url, headers: { 'x-target-service': platform.host }, body };
}

/** @param variable that the origin comes from */
function locate(path: string, origin: string, variable: string): URL {
  const url = URL.parse(path, origin);
  if (url === null) {
    throw new LongConnectionError(
      'FEISHU_ADDRESS_INSECURE',
      `${variable} is not a URL. Example: https://open.feishu.cn`,
    );
  }
  requireSecure(url, 'https:');
  return url;
}

async function post(
  url: URL,
  headers: Record<string, string>,
  body: JsonObject,
  withinMs: number,
  signal: AbortSignal,
): Promise<JsonObject> {
  const { status, text } = await exchange(url, headers, body, withinMs, signal);
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

async function exchange(
  url: URL,
  headers: Record<string, string>,
  body: JsonObject,
  withinMs: number,
  signal: AbortSignal,
): Promise<HttpResult> {
  let route: Route | undefined;
  try {
    route = routeTo(url, withinMs);
    return await httpPost(url, route, {
      headers: { ...headers, 'content-type': 'application/json; charset=utf-8', locale: 'zh' },
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
