import type { EventContext } from '../handler.ts';
import { callApi } from './api-error.ts';
import { splitMarkdown, splitText } from './split-text.ts';
import { type ReplyStream, type StreamOptions, startStream } from './stream.ts';

/** 150 KB for the content of a text, and 30 KB for a post or a card, with a reserve for the JSON around the text. */
const MAXIMUM_TEXT_BYTES = 140_000;
const MAXIMUM_POST_BYTES = 28_000;
const MAXIMUM_CARD_BYTES = 30_000;

/** What sending a message needs of a handler's context. */
export type SendContext = Pick<EventContext, 'feishu' | 'uuid' | 'log' | 'continued' | 'streams'>;

/** The message to reply to. */
export interface ReplyTarget {
  id: string;
  /** The reply appears in this topic. */
  threadId: string | undefined;
}

export interface SentMessage {
  /** For example `om_…`. */
  readonly id: string;
}

export interface SentCard extends SentMessage {
  /** Replaces the card, see {@link updateCard}. */
  update(card: object): Promise<void>;
}

/**
 * Replies to a message, in its topic if it is in one. Each reply has an id of its own that is the same in every attempt
 * at an event, so a retry sends nothing twice. For this, a handler must send its replies in the same order each time. After
 * a `Continue`, the replies are new ones.
 */
export class Reply {
  readonly #target: ReplyTarget;
  readonly #context: SendContext;
  #sent = 0;
  #streamed = 0;

  constructor(target: ReplyTarget, context: SendContext) {
    this.#target = target;
    this.#context = context;
  }

  /**
   * Replies with plain text. Text beyond the platform's limit of 150 KB is sent as further messages.
   *
   * @throws {TypeError} if the text is empty
   * @throws {FeishuApiError} if the platform rejects the reply
   */
  async text(text: string): Promise<SentMessage[]> {
    return await this.#sendAll(text, splitText(text, MAXIMUM_TEXT_BYTES), 'text', (part) => ({ text: part }));
  }

  /**
   * Replies with Markdown, as a post. Text beyond the platform's limit of 30 KB is sent as further messages.
   *
   * @throws {TypeError} if the text is empty
   * @throws {FeishuApiError} if the platform rejects the reply
   * @see https://open.feishu.cn/document/server-docs/im-v1/message-content-description/create_json
   */
  async markdown(markdown: string): Promise<SentMessage[]> {
    const parts = splitMarkdown(markdown, MAXIMUM_POST_BYTES);
    return await this.#sendAll(markdown, parts, 'post', (text) => ({ zh_cn: { content: [[{ tag: 'md', text }]] } }));
  }

  /**
   * Replies with a card.
   *
   * @param card of JSON 1.0 or 2.0, or `{ type: 'template', data }` for a template
   * @throws {RangeError} if it exceeds the platform's limit of 30 KB
   * @throws {FeishuApiError} if the platform rejects the card
   * @see https://open.feishu.cn/document/feishu-cards/card-json-v2-structure
   */
  async card(card: object): Promise<SentCard> {
    const content = cardContent(card);
    const { id } = await this.#send('interactive', content);
    return { id, update: (changed) => updateCard(this.#context, id, changed) };
  }

  /**
   * Replies with Markdown that is shown while it is written, in a card. If a retry follows, it continues in the same
   * card. Without the scope `cardkit:card:write`, the reply is a post that is edited.
   *
   * @returns the stream: call `end()` when the text is complete
   * @throws {FeishuApiError} if the platform rejects the reply
   */
  async stream(options: StreamOptions = {}): Promise<ReplyStream> {
    this.#streamed += 1;
    // The same after a Continue, which goes on in the same card.
    const label = `stream ${this.#streamed}`;
    return await startStream(label, this.#target, this.#context, options, (...part) => this.#sendAs(...part));
  }

  async #sendAll(
    text: string,
    parts: string[],
    type: string,
    content: (part: string) => object,
  ): Promise<SentMessage[]> {
    if (text.trim() === '')
      throw new TypeError('The platform rejects an empty message. Check the text before replying.');
    const sent: SentMessage[] = [];
    // One after the other, so that they appear in order.
    for (const part of parts) sent.push(await this.#send(type, JSON.stringify(content(part))));
    return sent;
  }

  async #send(type: string, content: string): Promise<SentMessage> {
    this.#sent += 1;
    const { continued } = this.#context;
    const label = `reply ${this.#sent}${continued === undefined ? '' : ` after ${continued.count} Continue`}`;
    return await this.#sendAs(type, content, label);
  }

  async #sendAs(type: string, content: string, label: string): Promise<SentMessage> {
    const { id, threadId } = this.#target;
    const uuid = this.#context.uuid(label);
    const data = await callApi('im.message.reply', () =>
      this.#context.feishu.im.message.reply({
        path: { message_id: id },
        data: { msg_type: type, content, uuid, ...(threadId !== undefined && { reply_in_thread: true }) },
      }),
    );
    return { id: data.message_id ?? '' };
  }
}

/**
 * Replaces a card that the app sent. The card's `config` needs `update_multi: true`, in the original card too.
 *
 * @param messageId for example `context.open_message_id` of a `card.action.trigger` event
 * @throws {RangeError} if the card exceeds the platform's limit of 30 KB
 * @throws {FeishuApiError} if the platform rejects the card
 * @see https://open.feishu.cn/document/server-docs/im-v1/message-card/patch
 */
export async function updateCard(
  { feishu }: Pick<EventContext, 'feishu'>,
  messageId: string,
  card: object,
): Promise<void> {
  const content = cardContent(card);
  await callApi('im.message.patch', () =>
    feishu.im.message.patch({ path: { message_id: messageId }, data: { content } }),
  );
}

function cardContent(card: object): string {
  const content = JSON.stringify(card);
  const bytes = Buffer.byteLength(content);
  if (bytes <= MAXIMUM_CARD_BYTES) return content;
  throw new RangeError(
    `The card has ${bytes} bytes, but the platform accepts ${MAXIMUM_CARD_BYTES}. Shorten its texts.`,
  );
}
