import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isObject, OLD_CARD_TYPE, parseEnvelope } from '../feishu/envelope.ts';
import type { Proof, WebhookSecrets } from '../feishu/request.ts';
import { UsageError } from './command-line.ts';
import { parseExactly } from './exact-json.ts';

type Body = Record<string, unknown>;

/**
 * Reads the event of a file, and puts in the Verification Token that the receiver expects.
 *
 * @param isNew whether it gets ids of its own: a receiver that has handled the event before ignores it otherwise
 * @throws {UsageError} when there is no such file
 * @throws {FeishuError} when it holds no event
 */
export async function readEventFile(
  file: string,
  { verificationTokens: [token] }: WebhookSecrets,
  isNew: boolean,
): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new UsageError(`${file} cannot be read: ${cause.message}`, { cause });
  });
  const envelope = parseEnvelope(text);
  if (envelope.kind !== 'url-verification' && envelope.header.type === OLD_CARD_TYPE) return text;
  const hasToken = token === undefined || envelope.token === token;
  if (hasToken && !isNew) return text;
  let body = parseExactly(text) as Body;
  if (!hasToken) body = isObject(body.header) ? { ...body, header: { ...body.header, token } } : { ...body, token };
  return JSON.stringify(isNew ? withNewIds(body) : body);
}

/** The ids that `deduplicationKey` goes by. */
function withNewIds({ header, event, ...body }: Body): Body {
  if (!isObject(header)) return { ...body, uuid: randomUUID(), event };
  const message = isObject(event) && isObject(event.message) ? event.message : undefined;
  return {
    ...body,
    header: { ...header, event_id: randomUUID() },
    event:
      message === undefined ? event : { ...(event as Body), message: { ...message, message_id: `om_${randomUUID()}` } },
  };
}

/**
 * What the platform would sign the event with.
 *
 * @throws {UsageError} when the event is an old card callback and the Verification Token is not set
 */
export function proofOf(
  text: string,
  { encryptKeys: [encryptKey], verificationTokens: [verificationToken] }: WebhookSecrets,
): Proof {
  const envelope = parseEnvelope(text);
  if (envelope.kind === 'callback' && envelope.header.type === OLD_CARD_TYPE) {
    if (verificationToken === undefined)
      throw new UsageError('The old card callback is signed with FEISHU_VERIFICATION_TOKEN: set it.');
    return { verificationToken };
  }
  return encryptKey === undefined ? undefined : { encryptKey };
}
