import type { WebhookRequest } from '../feishu/request.ts';

export interface PostResult {
  status: number;
  body: string;
  milliseconds: number;
}

/**
 * Posts a request as the platform does, which follows no redirection.
 *
 * @throws when nothing answers; the message says what to do
 */
export async function post(url: string, request: WebhookRequest): Promise<PostResult> {
  try {
    return await exchange(url, request, { redirect: 'manual' });
  } catch (cause) {
    const reason = networkReason(cause);
    const advice = reason === 'ECONNREFUSED' ? 'Nothing listens there. Is npm start running?' : 'Is the address right?';
    throw new Error(`${url} does not answer (${reason}). ${advice}`, { cause });
  }
}

/** Posts a request and reads the answer. @throws what `fetch` throws; see {@link networkReason} */
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
  return { status: response.status, body: await response.text(), milliseconds: performance.now() - started };
}

/** Why `fetch` got no answer: it hides that in the cause of a "fetch failed". */
export function networkReason(error: unknown): string {
  const reason = (
    error instanceof Error && error.cause instanceof Error ? error.cause : error
  ) as NodeJS.ErrnoException;
  return reason.code && typeof reason.code === 'string' ? reason.code : reason.message;
}
