import type { WebhookRequest } from '../feishu/request.ts';
import { ResponseTooLargeError, readResponseText } from '../feishu/response-text.ts';

export interface PostResult {
  status: number;
  body: string;
  milliseconds: number;
}

/** The platform reads a few hundred bytes. */
const MAXIMUM_RESPONSE_BYTES = 1024 * 1024;
/** A handler may be halted in a debugger meanwhile. */
const WITHIN_MILLISECONDS = 5 * 60_000;

/**
 * Posts a request as the platform does, which follows no redirects.
 *
 * @param withinMilliseconds for the whole response
 * @throws when nothing answers in time, or with more than 1 MiB; the message says what to do
 */
export async function post(
  url: string,
  request: WebhookRequest,
  withinMilliseconds = WITHIN_MILLISECONDS,
): Promise<PostResult> {
  try {
    return await exchange(url, request, { redirect: 'manual', signal: AbortSignal.timeout(withinMilliseconds) });
  } catch (cause) {
    if (cause instanceof ResponseTooLargeError) {
      throw new Error(`${url} is not the webhook: ${cause.message}. Is the address right?`, { cause });
    }
    const reason = networkReason(cause);
    const advice = reason === 'ECONNREFUSED' ? 'Nothing listens there. Is npm start running?' : 'Is the address right?';
    throw new Error(`${url} does not answer (${reason}). ${advice}`, { cause });
  }
}

/**
 * Posts a request and reads the response, of up to 1 MiB.
 *
 * @throws {ResponseTooLargeError} when it is larger
 * @throws what `fetch` throws; see {@link networkReason}
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

/** Why `fetch` got no answer: it hides that in the cause of a "fetch failed". */
export function networkReason(error: unknown): string {
  const reason = (
    error instanceof Error && error.cause instanceof Error ? error.cause : error
  ) as NodeJS.ErrnoException;
  return reason.code && typeof reason.code === 'string' ? reason.code : reason.message;
}
