import type { PostResult } from '../cli/post.ts';
import { tryParseJsonObject } from '../feishu/envelope.ts';
import { WEBHOOK_PATH } from '../webhook/path.ts';

const OTHER_SECRETS = `The receiver's secrets differ from those in the environment or .env.
npm start reads .env at startup: restart it. A deployed stack has the secrets of its last deployment: copy them from the
developer console to .env, run npx serverless secrets, and deploy.`;

const NOT_SIGNED = `The receiver has an Encrypt Key: set FEISHU_ENCRYPT_KEY and remove --plain. If it is already set, find
the reason in the receiver's log; the response does not contain it. Locally, npm start prints the log.`;

/** What the sender can do about each error code. The response itself says what the receiver found. */
const ADVICE_OF_CODE: ReadonlyMap<string, string> = new Map([
  ['FEISHU_SIGNATURE_WRONG', OTHER_SECRETS],
  ['FEISHU_BODY_NOT_DECRYPTABLE', OTHER_SECRETS],
  ['FEISHU_TOKEN_WRONG', OTHER_SECRETS],
  ['FEISHU_SIGNATURE_MISSING', NOT_SIGNED],
  ['FEISHU_BODY_NOT_ENCRYPTED', NOT_SIGNED],
  ['FEISHU_ENCRYPT_KEY_MISSING', 'The receiver has no Encrypt Key: deploy it with one, or pass --plain.'],
]);

/**
 * Explains what to do if the receiver did not accept an event.
 *
 * @returns `undefined` if the event was accepted
 */
export function adviceFor({ status, body }: Pick<PostResult, 'status' | 'body'>): string | undefined {
  const parsed = tryParseJsonObject(body);
  if (status === 200 && parsed !== undefined) return undefined;
  if (typeof parsed?.code === 'string') {
    return ADVICE_OF_CODE.get(parsed.code) ?? `See docs/error-codes.md#${parsed.code.toLowerCase()}.`;
  }
  if (status >= 500) return 'The receiver failed. Check its log; locally, the output of npm start.';
  if (status >= 300 && status < 400)
    return 'The URL redirects, and the platform does not follow redirects. Use the final URL.';
  return `Check the URL: this is not the response of this project's webhook. The webhook's path is ${WEBHOOK_PATH}.`;
}
