import type { WebhookRequest } from '../feishu/request.ts';
import { ResponseTooLargeError, readResponseText } from '../feishu/response-text.ts';

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
    return await exchange(url, request, { redirect: 'manual', signal: AbortSignal.timeout(timeoutMilliseconds) });
  } catch (cause) {
    if (cause instanceof ResponseTooLargeError) {
      throw new Error(`${url} is not the webhook: ${cause.message}. Check the URL.`, { cause });
    }
    const reason = networkReason(cause);
    const advice = reason === 'ECONNREFUSED' ? 'Is npm start running?' : 'Check the URL.';
    throw new Error(`No response from ${url} (${reason}). ${advice}`, { cause });
  }
}

/**
 * Posts a request and reads a response of up to 1 MiB.
 *
 * @throws {ResponseTooLargeError} if the response is larger
 * @throws the error of `fetch`; see {@link networkReason}
 */
export async function exchange(
  url: string,
  { headers, body }: WebhookRequest,
  options: Pick<RequestInit, 'redirect' | 'signal'> = {},
): Promise<PostResult> {
  const started = performance.now();
  const response = await fetch(url, {
    ...options,
    method: 'POST',
    headers: headers as Record<string, string>,
    body: new Uint8Array(body),
  });
  const text = await readResponseText(response, MAXIMUM_RESPONSE_BYTES);
  return { status: response.status, body: text, milliseconds: performance.now() - started };
}

/** Returns why `fetch` failed. The reason is in the cause of its "fetch failed" error. */
export function networkReason(error: unknown): string {
  const reason = (
    error instanceof Error && error.cause instanceof Error ? error.cause : error
  ) as NodeJS.ErrnoException;
  return reason.code && typeof reason.code === 'string' ? reason.code : reason.message;
}
