import type { WebhookRequest } from '../feishu/request.ts';

export interface PostResult {
  status: number;
  body: string;
  milliseconds: number;
}

/**
 * Posts a request as the platform does.
 *
 * @throws when nothing answers; the message says what to do
 */
export async function post(url: string, { headers, body }: WebhookRequest): Promise<PostResult> {
  const started = performance.now();
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: headers as Record<string, string>,
      body: new Uint8Array(body),
    });
    return { status: response.status, body: await response.text(), milliseconds: performance.now() - started };
  } catch (cause) {
    const { code } = ((cause as Error).cause ?? {}) as NodeJS.ErrnoException;
    const advice = code === 'ECONNREFUSED' ? 'Nothing listens there. Is npm start running?' : 'Is the address right?';
    throw new Error(`${url} does not answer (${code ?? (cause as Error).message}). ${advice}`, { cause });
  }
}
