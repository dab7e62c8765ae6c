import { randomBytes } from 'node:crypto';
import { exchange, networkReason } from '../cli/post.ts';
import { writeRequest } from '../feishu/request.ts';
import type { Keys } from './keys.ts';

const RESPONSE_WITHIN_MILLISECONDS = 15_000;

/**
 * Returns whether a webhook accepts keys: sends a URL verification as the platform does.
 *
 * @throws {Error} if the webhook does not respond
 */
export async function acceptsKeys(url: string, { encryptKey, verificationToken = '' }: Keys): Promise<boolean> {
  const challenge = randomBytes(16).toString('hex');
  const text = JSON.stringify({ challenge, token: verificationToken, type: 'url_verification' });
  const { headers, body } = writeRequest(text, encryptKey === undefined ? undefined : { encryptKey }, Date.now());
  // The platform does not sign URL verifications.
  const request = { headers: { 'content-type': headers['content-type'] }, body };
  try {
    const response = await exchange(url, request, RESPONSE_WITHIN_MILLISECONDS);
    return response.status === 200 && response.body === JSON.stringify({ challenge });
  } catch (cause) {
    throw new Error(`The webhook at ${url} does not respond (${networkReason(cause, url)}).`, { cause });
  }
}
