import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { readResponseText } from './response-text.ts';
import type { Route } from './route.ts';

export interface HttpPost {
  headers: Readonly<Record<string, string>>;
  body: string | Uint8Array;
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
  { headers, body, maximumResponseBytes, signal }: HttpPost,
): Promise<HttpResult> {
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = send(url, { method: 'POST', agent, signal, headers }, resolve);
  try {
    request.on('error', reject).end(body);
    const response = await promise;
    const text = await readResponseText(response, maximumResponseBytes);
    signal.throwIfAborted();
    return { status: Number(response.statusCode), text };
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    request.destroy();
  }
}
