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
    (header.type === 'im.message.receive_v1' ? findText(event, 'message.message_id') : undefined) ??
    header.id ??
    createHash('sha256').update(textWithoutToken(envelope, text)).digest('hex');
  return JSON.stringify([header.app ?? '', header.type, id]);
}

// Paths in an event, separated by spaces to keep the webhook small, in order of precedence.

/** A topic: a thread, or for replies outside of a thread the message that they began with. */
const TOPIC = 'message.thread_id message.root_id root_id';
const CHAT = 'message.chat_id chat_id open_chat_id context.open_chat_id';
/**
 * What an event without a chat is about: a document, an approval instance, a meeting, a calendar, a task, a mailbox, a
 * message, a post or a user. All events about the same thing must have the same subject: therefore, somebody who only did
 * something to it is not a subject.
 */
const SUBJECT =
  'file_token notice_meta.file_token instance_code object.instance_code meeting.id calendar_id task_id task_guid ' +
  'mail_address message_id id object.open_id open_id employee_id user_id.open_id reader.reader_id.open_id ' +
  'operator.operator_id.open_id';

/** Who sent, clicked or changed something, otherwise the user whom the event is about. */
const USER =
  'sender.sender_id.open_id operator.open_id operator.operator_id.open_id operator_id.open_id user_id.open_id ' +
  'reader.reader_id.open_id user.open_id object.open_id open_id';

/**
 * Returns the conversation that an event belongs to, the unit of ordering and fair queueing: the chat, else the subject,
 * such as a document, else the tenant, else the app (`app_ticket` has no tenant).
 *
 * @param splitsTopics whether a topic within a chat is a conversation of its own
 * @see https://open.feishu.cn/document/server-docs/im-v1/message/events/receive
 */
export function conversationOf(envelope: EventEnvelope, splitsTopics: boolean): string {
  const { event, header } = envelope;
  return (
    (splitsTopics ? findText(event, TOPIC) : undefined) ??
    chatOf(envelope) ??
    findText(event, SUBJECT) ??
    header.tenant ??
    header.app ??
    'unknown'
  );
}

/** Returns the chat that an event belongs to, if it belongs to one. */
export function chatOf({ event }: Pick<EventEnvelope, 'event'>): string | undefined {
  return findText(event, CHAT);
}

/** Returns the `open_id` of the user who caused an event, if the event says who. */
export function userOf({ event }: Pick<EventEnvelope, 'event'>): string | undefined {
  return findText(event, USER);
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

/** Returns the first text at one of the paths. */
function findText(object: JsonObject, paths: string): string | undefined {
  for (const path of paths.split(' ')) {
    const text = asText(path.split('.').reduce((value: unknown, name) => (isObject(value) ? value[name] : ''), object));
    if (text !== undefined) return text;
  }
  return undefined;
}
