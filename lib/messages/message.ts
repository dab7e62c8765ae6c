import type { Readable } from 'node:stream';
import { isObject } from '../feishu/envelope.ts';
import type { EventContext, EventPayloads } from '../handler.ts';
import { callApi } from './api-error.ts';
import { botOpenId } from './bot.ts';
import { contentText, type ResourceKey, resourcesOf } from './content.ts';
import type { NameOf, Style } from './markup.ts';
import { Reply, type SendContext } from './reply.ts';

export { FeishuApiError } from './api-error.ts';
export { Reply, type SentCard, type SentMessage, updateCard } from './reply.ts';
export type { ReplyStream, StreamOptions } from './stream.ts';

type Feishu = EventContext['feishu'];
type Payload = EventPayloads['im.message.receive_v1'];
/** What a message needs of its handler's context. */
type MessageContext = SendContext & Pick<EventContext, 'header'>;

export interface Mention {
  /** The placeholder in the content, for example `@_user_1`. */
  readonly key: string;
  readonly name: string;
  readonly openId: string | undefined;
  readonly unionId: string | undefined;
  /** Needs the scope for user ids. */
  readonly userId: string | undefined;
}

/** An image, file, recording or video of a message. */
export interface Attachment extends ResourceKey {
  /**
   * Downloads it, up to the platform's limit of 100 MB.
   *
   * @returns the stream, and the size in bytes if the platform says it
   * @throws {FeishuApiError} if the platform rejects the download
   * @see https://open.feishu.cn/document/server-docs/im-v1/message/get-2
   */
  download(): Promise<{ stream: Readable; size: number | undefined }>;
}

/** What a message consists of, as an event or the API contains it. */
interface MessageFields {
  id: string;
  type: string;
  /** JSON */
  content: string;
  mentions: readonly Mention[];
}

/** A message of any type. */
export class Message {
  readonly id: string;
  /** For example `text`, `post` or `interactive`. */
  readonly type: string;
  readonly mentions: readonly Mention[];
  readonly #fields: MessageFields;
  readonly #feishu: Feishu;

  constructor(fields: MessageFields, feishu: Feishu) {
    this.id = fields.id;
    this.type = fields.type;
    this.mentions = fields.mentions;
    this.#fields = fields;
    this.#feishu = feishu;
  }

  /** The message as plain text. What is not text is a placeholder, such as `[file: report.pdf]`. */
  get text(): string {
    return this.#write('text', this.#nameOf);
  }

  /** The message as Markdown. Images are `![image](key)`. */
  get markdown(): string {
    return this.#write('markdown', this.#nameOf);
  }

  /** The plain text without the mentions, for example without the `@Echo` that a group needs to address a bot. */
  get textWithoutMentions(): string {
    // Names of mentioned users that are part of the text stay: only placeholders are removed.
    const removed = '\u{E000}';
    return this.#write('text', () => removed)
      .replaceAll(new RegExp(` ?@${removed}`, 'gu'), '')
      .trim();
  }

  get attachments(): Attachment[] {
    return resourcesOf(this.type, this.#content()).map((resource) => ({
      ...resource,
      download: () => download(this.#feishu, this.id, resource),
    }));
  }

  readonly #nameOf: NameOf = (key) =>
    key === '@_all' ? 'all' : this.mentions.find((mention) => mention.key === key)?.name;

  #write(style: Style, nameOf: NameOf): string {
    return contentText(this.type, this.#content(), { style, nameOf });
  }

  /** The platform's content is JSON of an object. Other content is treated like an unknown type. */
  #content(): Record<string, unknown> {
    try {
      const content: unknown = JSON.parse(this.#fields.content);
      return isObject(content) ? content : {};
    } catch {
      return {};
    }
  }
}

/** A message that the bot received. */
export class ReceivedMessage extends Message {
  readonly chatId: string;
  /** Whether it is a chat with one person, in which the bot receives every message. */
  readonly isPrivate: boolean;
  readonly senderOpenId: string | undefined;
  readonly createdAt: Date;
  /** The topic that the message is in. */
  readonly threadId: string | undefined;
  /** The message that it replies to. */
  readonly parentId: string | undefined;
  /** Whether everybody is mentioned, which does not count as a mention of the bot. */
  readonly mentionsAll: boolean;
  /** Sends replies. */
  readonly reply: Reply;
  readonly #feishu: Feishu;
  readonly #tenant: string;

  constructor({ message, sender }: Payload, context: MessageContext) {
    const mentions = (message.mentions ?? []).map(({ key, name, id }) => mentionOf(key, name, id));
    super({ id: message.message_id, type: message.message_type, content: message.content, mentions }, context.feishu);
    this.chatId = message.chat_id;
    this.isPrivate = message.chat_type === 'p2p';
    this.senderOpenId = sender.sender_id?.open_id;
    this.createdAt = new Date(Number(message.create_time));
    this.threadId = message.thread_id || undefined;
    this.parentId = message.parent_id || undefined;
    // Posts of the API contain `all`.
    this.mentionsAll = message.content.includes('@_all') || /"user_id":\s*"all"/.test(message.content);
    this.reply = new Reply({ id: message.message_id, threadId: this.threadId }, context);
    this.#feishu = context.feishu;
    this.#tenant = context.header.tenant ?? '';
  }

  /**
   * Returns whether this bot is mentioned by name. The bot's id is requested from the platform once.
   *
   * @throws {FeishuApiError} if the platform rejects the request for the bot's id
   */
  async isMentioned(): Promise<boolean> {
    if (this.mentions.length === 0) return false;
    const id = await botOpenId(this.#feishu, this.#tenant);
    return this.mentions.some(({ openId }) => openId === id);
  }

  /**
   * Requests the message that this one replies to.
   *
   * @returns `undefined` if it replies to none
   * @throws {FeishuApiError} if the platform rejects the request, for example because the message was deleted
   */
  async quoted(): Promise<Message | undefined> {
    if (this.parentId === undefined) return undefined;
    const [message] = await requestMessages(this.#feishu, this.parentId);
    return message;
  }

  /**
   * Requests the messages that a message of type `merge_forward` contains, in order.
   *
   * @returns an empty list for other types
   * @throws {FeishuApiError} if the platform rejects the request
   */
  async forwarded(): Promise<Message[]> {
    if (this.type !== 'merge_forward') return [];
    const messages = await requestMessages(this.#feishu, this.id);
    return messages.filter(({ id }) => id !== this.id);
  }
}

/**
 * Reads the message of an event. Nothing is requested from the platform until it is used.
 *
 * @param event the payload of `im.message.receive_v1`
 * @param context the handler's context
 */
export function readMessage(event: Payload, context: MessageContext): ReceivedMessage {
  return new ReceivedMessage(event, context);
}

/** @see https://open.feishu.cn/document/server-docs/im-v1/message/get */
async function requestMessages(feishu: Feishu, id: string): Promise<Message[]> {
  const data = await callApi('im.message.get', () => feishu.im.message.get({ path: { message_id: id } }));
  return (data.items ?? []).map((item) => {
    const mentions = (item.mentions ?? []).map(({ key, name, id: mentioned }) =>
      mentionOf(key, name, { open_id: mentioned }),
    );
    const { message_id = '', msg_type = '', body } = item;
    return new Message({ id: message_id, type: msg_type, content: body?.content ?? '', mentions }, feishu);
  });
}

function mentionOf(
  key: string,
  name: string,
  id: { open_id?: string; union_id?: string; user_id?: string | null },
): Mention {
  return { key, name, openId: id.open_id, unionId: id.union_id, userId: id.user_id ?? undefined };
}

async function download(feishu: Feishu, messageId: string, { kind, key }: ResourceKey) {
  const resource = await feishu.im.messageResource.get({
    path: { message_id: messageId, file_key: key },
    params: { type: kind === 'image' ? 'image' : 'file' },
  });
  const size = Number(resource.headers?.['content-length']);
  return { stream: resource.getReadableStream(), size: Number.isNaN(size) ? undefined : size };
}
