import { asText, isObject, type JsonObject, tryParseJsonObject } from '../envelope.ts';
import { ResponseTooLargeError, readResponseText } from '../response-text.ts';
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

/** Where to connect to. */
export interface Endpoint {
  /** Its query holds a ticket: log it with `withoutQuery` alone. */
  url: URL;
  /** What every ping has to say. */
  serviceId: number;
  settings: Settings;
}

const PATH = '/callback/ws/endpoint';
/** A response has about 500 bytes. */
const MAXIMUM_RESPONSE_BYTES = 64 * 1024;

/**
 * Asks the platform where to connect to. Redirects are not followed, and a response of more than 64 KiB is rejected.
 *
 * @param withinMs for the whole reply, from the connection to the last byte
 * @throws {LongConnectionError} `FEISHU_LOGIN_REFUSED`, `FEISHU_ADDRESS_INSECURE`, `FEISHU_TOO_MANY_CONNECTIONS` or
 *   `FEISHU_CONNECTION_FAILED`, the last also when `signal` aborts
 */
export async function discover(
  { appId, appSecret, domain }: Credentials,
  withinMs: number,
  signal: AbortSignal,
): Promise<Endpoint> {
  const url = locate(domain);
  const reply = await post(url, { AppID: appId, AppSecret: appSecret }, withinMs, signal);
  if (reply.code !== 0) throw explainRejection(Number(reply.code), String(reply.msg ?? ''));
  const data = isObject(reply.data) ? reply.data : {};
  // Stryker disable next-line StringLiteral: any text that is not a URL gives the same error
  const connectionUrl = URL.parse(asText(data.URL) ?? '');
  if (connectionUrl === null) throw failed(url, 'the reply has no URL to connect to');
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
    throw new LongConnectionError('FEISHU_ADDRESS_INSECURE', 'FEISHU_DOMAIN is no URL, such as https://open.feishu.cn');
  }
  requireSecure(url, 'https:');
  return url;
}

async function post(url: URL, body: JsonObject, withinMs: number, signal: AbortSignal): Promise<JsonObject> {
  let status: number;
  let text: string;
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8', locale: 'zh' },
      body: JSON.stringify(body),
      // The body contains the app secret, which a followed redirect would send to another address.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(withinMs)]),
    });
    status = response.status;
    text = await readResponseText(response, MAXIMUM_RESPONSE_BYTES);
  } catch (cause) {
    throw failed(url, describe(cause, withinMs), cause);
  }
  if (status >= 300 && status < 400) {
    throw failed(url, `HTTP ${status}, a redirect, which the app secret must not follow. Is FEISHU_DOMAIN right?`);
  }
  // A refusal may come with any status: the code in the body tells more.
  const reply = tryParseJsonObject(text);
  if (typeof reply?.code !== 'number') throw failed(url, `HTTP ${status}, and no code in the reply`);
  return reply;
}

/** fetch hides what happened in the cause of a "fetch failed". */
function describe(error: unknown, withinMs: number): string {
  if (!(error instanceof Error)) return 'the request failed';
  if (error instanceof ResponseTooLargeError) return error.message;
  if (error.name === 'TimeoutError') return `no reply within ${withinMs} ms`;
  return error.cause instanceof Error ? describeNetworkError(error.cause) : error.name;
}

/** Pings want it as an int32; without one the SDKs send 0. */
function readServiceId(url: URL): number {
  const serviceId = Number(url.searchParams.get('service_id'));
  return serviceId === (serviceId | 0) ? serviceId : 0;
}

function failed(url: URL, reason: string, cause?: unknown): LongConnectionError {
  return new LongConnectionError(
    'FEISHU_CONNECTION_FAILED',
    `The platform does not tell where to connect to: ${reason} (POST ${withoutQuery(url)}).`,
    { cause },
  );
}
