import { exchange } from '../../lib/cli/post.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import type { Transport } from './deliveries.ts';

/** The webhook's settings in the developer console. */
export interface Webhook {
  url: string;
  encryptKey: string;
}

/** Pushes by HTTP. Encrypts and signs each push anew, as the platform does. */
export function byWebhook({ url, encryptKey }: Webhook): Transport {
  return async ({ text }) => {
    const { status } = await exchange(url, writeRequest(text, { encryptKey }, Date.now()));
    return { code: status };
  };
}
