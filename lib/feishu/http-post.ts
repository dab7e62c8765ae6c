import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { readResponseText } from './response-text.ts';
import type { Route } from './route.ts';

export interface HttpPost {
  /** Default: `POST`. */
  method?: 'GET' | 'POST';
  headers: Readonly<Record<string, string>>;
  body?: string | Uint8Array | undefined;
  maximumResponseBytes: number;
  signal: AbortSignal;
}

export interface HttpResult {
  status: number;
  text: string;
}

/**
 * Posts a body and reads the response as UTF-8 text, without following redirects. `fetch` supports proxies only for the
 * whole process, including the handlers.
 *
 * @throws {ResponseTooLargeError} if the response is larger; the rest is not read and the connection is closed
 * @throws the signal's reason, and network errors
 */
export async function httpPost(
  url: URL,
  { agent }: Pick<Route, 'agent'>,
  { method = 'POST', headers, body, maximumResponseBytes, signal }: HttpPost,
): Promise<HttpResult> {
  signal.throwIfAborted();
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  // While it waits for a proxy, an aborted request reports no error.
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort);
  const request = send(url, { method, agent, signal, headers }, resolve).on('error', reject);
  try {
    request.end(body);
    const response = await promise;
    const text = await readResponseText(response, maximumResponseBytes);
    signal.throwIfAborted();
    return { status: Number(response.statusCode), text };
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', abort);
    request.destroy();
  }
}
