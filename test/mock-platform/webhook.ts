import { exchange } from '../../lib/cli/post.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import type { Transport } from './deliveries.ts';

/** What the developer console knows of a webhook. */
export interface Webhook {
  url: string;
  encryptKey: string;
}

/** Pushes by HTTP. Each push is encrypted and signed anew, as the platform does. */
export function byWebhook({ url, encryptKey }: Webhook): Transport {
  return async ({ text }) => {
    const { status } = await exchange(url, writeRequest(text, { encryptKey }, Date.now()));
    return { code: status };
  };
}
