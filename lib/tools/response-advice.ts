import type { PostResult } from '../cli/post.ts';
import { tryParseJsonObject } from '../feishu/envelope.ts';
import { WEBHOOK_PATH } from '../webhook/path.ts';

const OTHER_SECRETS = `The receiver's secrets are not those of the environment or .env here.
npm start reads .env when it starts: start it again. A deployed stack has those of its last deployment: copy them from
the developer console into .env, then npx serverless secrets, and deploy.`;

const NOT_SIGNED = `The receiver has an Encrypt Key: set FEISHU_ENCRYPT_KEY, and leave out --plain. If it is set, the
receiver's log names the reason, which the response does not tell: locally, npm start prints it.`;

/** What to do about each code, from where the event was sent. The answer itself says what the receiver saw. */
const ADVICE_OF_CODE: ReadonlyMap<string, string> = new Map([
  ['FEISHU_SIGNATURE_WRONG', OTHER_SECRETS],
  ['FEISHU_BODY_NOT_DECRYPTABLE', OTHER_SECRETS],
  ['FEISHU_TOKEN_WRONG', OTHER_SECRETS],
  ['FEISHU_SIGNATURE_MISSING', NOT_SIGNED],
  ['FEISHU_BODY_NOT_ENCRYPTED', NOT_SIGNED],
  ['FEISHU_ENCRYPT_KEY_MISSING', 'The receiver has no Encrypt Key: deploy it with one, or send --plain.'],
]);

/**
 * Says what to do about an answer that does not mean that the event was accepted.
 *
 * @returns `undefined` when it was accepted
 */
export function adviceFor({ status, body }: Pick<PostResult, 'status' | 'body'>): string | undefined {
  const answer = tryParseJsonObject(body);
  if (status === 200 && answer !== undefined) return undefined;
  const advice = typeof answer?.code === 'string' ? ADVICE_OF_CODE.get(answer.code) : undefined;
  if (advice !== undefined) return advice;
  if (typeof answer?.code === 'string') return `See docs/error-codes.md#${answer.code.toLowerCase()}.`;
  if (status >= 500) return 'The receiver failed: its log says why. Locally, that is what npm start prints.';
  if (status >= 300 && status < 400) return 'It redirects, and the platform does not follow: send to where it leads.';
  return `Is the address right? What answers there is no webhook of this project: its path is ${WEBHOOK_PATH}.`;
}
