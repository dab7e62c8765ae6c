import { httpPost } from '../feishu/http-post.ts';
import type { WebhookRequest } from '../feishu/request.ts';
import { ResponseTooLargeError } from '../feishu/response-text.ts';
import { ProxySettingError, routeTo } from '../feishu/route.ts';

export interface PostResult {
  status: number;
  body: string;
  milliseconds: number;
}

/** A generous limit: the webhook's responses have a few hundred bytes. */
const MAXIMUM_RESPONSE_BYTES = 1024 * 1024;
/** Long enough to pause a handler in a debugger. */
const DEFAULT_TIMEOUT_MILLISECONDS = 5 * 60_000;

/**
 * Posts a request like the platform, without following redirects.
 *
 * @param timeoutMilliseconds for the complete response
 * @throws if there is no response in time, or one of more than 1 MiB; the message says what to do
 */
export async function post(
  url: string,
  request: WebhookRequest,
  timeoutMilliseconds = DEFAULT_TIMEOUT_MILLISECONDS,
): Promise<PostResult> {
  try {
    return await exchange(url, request, timeoutMilliseconds);
  } catch (cause) {
    if (cause instanceof ResponseTooLargeError) {
      throw new Error(`${url} is not the webhook: ${cause.message}. Check the URL.`, { cause });
    }
    const reason = networkReason(cause, url);
    const advice = reason === 'ECONNREFUSED' ? 'Is npm start running?' : 'Check the URL.';
    throw new Error(`No response from ${url} (${reason}). ${advice}`, { cause });
  }
}

/**
 * Posts a request and reads a response of up to 1 MiB.
 *
 * @param timeoutMilliseconds for the complete response
 * @throws {ResponseTooLargeError} if the response is larger
 * @throws network errors; see {@link networkReason}
 */
export async function exchange(
  url: string,
  { headers, body }: WebhookRequest,
  timeoutMilliseconds = DEFAULT_TIMEOUT_MILLISECONDS,
): Promise<PostResult> {
  const started = performance.now();
  const target = new URL(url);
  const { status, text } = await httpPost(target, routeTo(target, timeoutMilliseconds), {
    headers: headers as Record<string, string>,
    body,
    maximumResponseBytes: MAXIMUM_RESPONSE_BYTES,
    signal: AbortSignal.timeout(timeoutMilliseconds),
  });
  return { status, body: text, milliseconds: performance.now() - started };
}

/** Returns why {@link exchange} failed, and through which proxy. */
export function networkReason(error: unknown, url: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof ProxySettingError) return message;
  // The status of a proxy's response is only in the message.
  const reason = typeof code === 'string' && code !== 'ERR_PROXY_TUNNEL' ? code : message;
  return `${reason}${routeTo(new URL(url)).via}`;
}
