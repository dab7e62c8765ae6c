import { createHash } from 'node:crypto';
import { asText, type EventEnvelope, isObject, type JsonObject, OLD_CARD_TYPE } from './envelope.ts';
import { type JsonMember, splitMembers } from './json-members.ts';

/**
 * Returns a key that all deliveries of an event share, on both transports.
 *
 * The id is `message_id` for `im.message.receive_v1`, for which the platform says not to rely on `event_id`; otherwise
 * `event_id` or `uuid`. If the platform sends neither, it is a hash of the event without its Verification Token, which
 * is empty over the long connection and changes when it is rotated.
 *
 * @param text the decrypted JSON text that `envelope` was parsed from
 * @see https://open.feishu.cn/document/server-docs/im-v1/message/events/receive
 */
export function deduplicationKey(envelope: EventEnvelope, text: string): string {
  const { header, event } = envelope;
  const id =
    (header.type === 'im.message.receive_v1' ? asText(field(event, 'message', 'message_id')) : undefined) ??
    header.id ??
    createHash('sha256').update(textWithoutToken(envelope, text)).digest('hex');
  return JSON.stringify([header.app ?? '', header.type, id]);
}

/**
 * Returns the conversation that an event belongs to, the unit of ordering and fair queueing: the chat, else the tenant,
 * else the app (`app_ticket` has no tenant).
 */
export function conversationOf(envelope: EventEnvelope): string {
  const { tenant, app } = envelope.header;
  return chatOf(envelope) ?? tenant ?? app ?? 'unknown';
}

/** Returns the chat that an event belongs to, if it belongs to one. */
export function chatOf({ event }: EventEnvelope): string | undefined {
  return (
    asText(field(event, 'message', 'chat_id')) ??
    asText(event.chat_id) ??
    asText(event.open_chat_id) ??
    asText(field(event, 'context', 'open_chat_id'))
  );
}

/**
 * Removes the Verification Token: `header.token` (v2.0) or the top-level `token` (v1.0). The old card callback keeps
 * its `token`, which is for updating the card and differs for each click.
 *
 * The rest of the text is unchanged. Parsing would round integers above 2^53 and make different events equal.
 */
function textWithoutToken({ header }: EventEnvelope, text: string): string {
  if (header.type === OLD_CARD_TYPE) return text;
  if (header.version === '1.0') return writeWithoutToken(splitMembers(text));
  const members = splitMembers(text).map(({ name, value }) =>
    name === 'header' ? { name, value: writeWithoutToken(splitMembers(value)) } : { name, value },
  );
  return writeMembers(members);
}

function writeWithoutToken(members: readonly JsonMember[]): string {
  return writeMembers(members.filter(({ name }) => name !== 'token'));
}

function writeMembers(members: readonly JsonMember[]): string {
  // Stryker disable next-line StringLiteral: members are told apart without the commas too
  return `{${members.map(({ name, value }) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
}

function field(object: JsonObject, outer: string, inner: string): unknown {
  const value = object[outer];
  return isObject(value) ? value[inner] : undefined;
}
