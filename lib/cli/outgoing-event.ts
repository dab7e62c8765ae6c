import { randomUUID } from 'node:crypto';
import { type Envelope, isObject, OLD_CARD_TYPE, parseEnvelope } from '../feishu/envelope.ts';
import type { SigningSecret, WebhookSecrets } from '../feishu/request.ts';
import { NestingError, parseExactly } from '../util/exact-json.ts';
import { UsageError } from './command-line.ts';
import { readTextFile } from './read-text-file.ts';

type Body = Record<string, unknown>;

/** Lambda's limit for the payload of an invocation: a larger event cannot be sent. */
const MAXIMUM_FILE_BYTES = 6 * 1024 * 1024;

/**
 * Reads an event from a file of up to 6 MiB, and inserts the Verification Token that the receiver expects.
 *
 * @throws {UsageError} if the file cannot be read, is too large or does not contain an event
 */
export async function readEventFile(file: string, secrets: WebhookSecrets): Promise<string> {
  const text = await readTextFile(file, MAXIMUM_FILE_BYTES).catch((cause) => {
    const isTooLarge = cause instanceof RangeError;
    throw new UsageError(isTooLarge ? cause.message : `Cannot read ${file}: ${cause.message}`, { cause });
  });
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`${file} is not valid JSON: ${(cause as Error).message}`, { cause });
  }
  try {
    return putToken(text, secrets);
  } catch (cause) {
    if (cause instanceof NestingError) throw new UsageError(`${file}: ${cause.message}`, { cause });
    const advice =
      'v2.0 events have "schema" and "header", v1.0 events have "event" with a "type". npm run send -- --list lists types.';
    throw new UsageError(`${file} does not contain an event: ${advice}`, { cause });
  }
}

/**
 * Inserts the Verification Token that the receiver expects.
 *
 * @param text the event's JSON
 * @throws {FeishuError} if the text is not an event
 */
export function putToken(text: string, { verificationTokens: [token] }: WebhookSecrets): string {
  const envelope = parseEnvelope(text);
  if (token === undefined || isOldCard(envelope) || envelope.token === token) return text;
  const body = parseExactly(text) as Body;
  return JSON.stringify(isObject(body.header) ? { ...body, header: { ...body.header, token } } : { ...body, token });
}

/**
 * Replaces the ids that `deduplicationKey` uses, so that the event counts as a new one.
 *
 * @param text the event's JSON
 * @throws {FeishuError} if the text is not an event
 */
export function renewIds(text: string): string {
  const { header, event, ...body } = parseExactly(text) as Body;
  // An old card callback has no id: its token, which is valid for two updates, identifies the click.
  if (isOldCard(parseEnvelope(text))) return JSON.stringify({ ...body, token: `c-${newId()}` });
  if (!isObject(header)) return JSON.stringify({ ...body, uuid: newId(), event });
  const message = isObject(event) && isObject(event.message) ? event.message : undefined;
  return JSON.stringify({
    ...body,
    header: { ...header, event_id: randomUUID() },
    event: message === undefined ? event : { ...(event as Body), message: { ...message, message_id: `om_${newId()}` } },
  });
}

function isOldCard(envelope: Envelope): boolean {
  return envelope.kind !== 'url-verification' && envelope.header.type === OLD_CARD_TYPE;
}

function newId(): string {
  return randomUUID().replaceAll('-', '');
}

/**
 * Returns the secret that the platform would sign the event with.
 *
 * @throws {UsageError} if the event is an old card callback and the Verification Token is not set
 */
export function signingSecretOf(
  text: string,
  { encryptKeys: [encryptKey], verificationTokens: [verificationToken] }: WebhookSecrets,
): SigningSecret {
  const envelope = parseEnvelope(text);
  if (envelope.kind === 'callback' && envelope.header.type === OLD_CARD_TYPE) {
    if (verificationToken === undefined)
      throw new UsageError('Old card callbacks are signed with FEISHU_VERIFICATION_TOKEN, which is not set.');
    return { verificationToken };
  }
  return encryptKey === undefined ? undefined : { encryptKey };
}
