import { type PostResult, post } from '../../lib/cli/post.ts';
import type { WebhookRequest } from '../../lib/feishu/request.ts';

/** Posts a request, and retries while the response is 503: a busy machine may be too slow to queue an event in time. */
export async function deliver(url: string, request: WebhookRequest): Promise<PostResult> {
  for (;;) {
    const result = await post(url, request);
    if (result.status !== 503) return result;
  }
}
