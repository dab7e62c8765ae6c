import { readFile } from 'node:fs/promises';
import { OLD_CARD_TYPE, parseEnvelope } from '../feishu/envelope.ts';
import type { Proof, WebhookSecrets } from '../feishu/request.ts';
import { UsageError } from './command-line.ts';
import { parseExactly } from './exact-json.ts';

/**
 * Reads the event of a file, and puts in the Verification Token that the receiver expects.
 *
 * @throws {UsageError} when there is no such file
 * @throws {FeishuError} when it holds no event
 */
export async function readEventFile(file: string, { verificationTokens: [token] }: WebhookSecrets): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new UsageError(`${file} cannot be read: ${cause.message}`, { cause });
  });
  const envelope = parseEnvelope(text);
  const isOldCard = envelope.kind !== 'url-verification' && envelope.header.type === OLD_CARD_TYPE;
  if (token === undefined || isOldCard || envelope.token === token) return text;
  const body = parseExactly(text) as { header?: object };
  return JSON.stringify(
    body.header === undefined ? { ...body, token } : { ...body, header: { ...body.header, token } },
  );
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
