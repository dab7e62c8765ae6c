import { isObject, type JsonObject, tryParseJsonObject } from '../feishu/envelope.ts';
import type { ApiContext } from './api.ts';
import { invalidParameter, PlatformError } from './errors.ts';
import type { ChatMessage } from './platform-state.ts';

const MESSAGE_TYPES: ReadonlySet<string> = new Set([
  'text',
  'post',
  'image',
  'file',
  'audio',
  'media',
  'sticker',
  'interactive',
  'share_chat',
  'share_user',
  'system',
]);
const MAXIMUM_TEXT_BYTES = 150 * 1024;
/** Of posts and cards. */
const MAXIMUM_BYTES = 30 * 1024;
const MAXIMUM_CARD_ELEMENTS = 200;

/** The content of a message as the platform stores it. */
export type CheckedContent = Pick<ChatMessage, 'content' | 'mentions'> & Partial<Pick<ChatMessage, 'cardId' | 'card'>>;

/**
 * Checks the content that a bot sends, and replaces its mentions by placeholders.
 *
 * @throws {PlatformError} as the platform does
 * @see https://open.feishu.cn/document/server-docs/im-v1/message/create
 * @see https://open.feishu.cn/document/server-docs/im-v1/message-content-description/create_json
 */
export function checkContent(type: string, text: string, context: ApiContext): CheckedContent {
  if (!MESSAGE_TYPES.has(type)) throw invalidParameter(`invalid msg_type: ${type}`);
  if (text === '') throw invalidParameter('content is empty');
  if (Buffer.byteLength(text) > (type === 'text' ? MAXIMUM_TEXT_BYTES : MAXIMUM_BYTES)) {
    throw new PlatformError(230025, 'The length of the message content reaches its limit.');
  }
  const content = tryParseJsonObject(text);
  if (content === undefined) throw invalidParameter('content is not a string in json format');
  switch (type) {
    case 'text':
      if (typeof content.text !== 'string' || content.text.trim() === '') throw invalidParameter('text is empty');
      return withMentions(content, context);
    case 'post':
      return withMentions(checkPost(content), context);
    case 'interactive':
      return { ...checkCard(content, context), content: text, mentions: [] };
    default:
      for (const name of ['image_key', 'file_key']) {
        const key = content[name];
        if (typeof key === 'string' && context.state.resources.find(key) === undefined) {
          throw new PlatformError(230017, 'Bot is NOT the owner of the resource.');
        }
      }
      return { content: text, mentions: [] };
  }
}

/** A bot sends a post in several languages. The platform returns it in one. */
function checkPost(content: JsonObject): JsonObject {
  const body = Array.isArray(content.content) ? content : Object.values(content).find((value) => isObject(value));
  if (!isObject(body) || !Array.isArray(body.content) || body.content.length === 0) {
    throw invalidParameter('invalid message content');
  }
  return { title: typeof body.title === 'string' ? body.title : '', content: body.content };
}

function checkCard(
  content: JsonObject,
  { cardKit }: Pick<ApiContext, 'cardKit'>,
): Pick<CheckedContent, 'cardId' | 'card'> {
  if (content.type === 'template') return {};
  if (content.type === 'card' && isObject(content.data)) {
    const cardId = String(content.data.card_id);
    const card = cardKit.card(cardId);
    if (card === undefined || cardKit.send(cardId) !== undefined) {
      throw cardError(11310, `card entity ${cardId} does not exist, has expired or was sent before`);
    }
    return { cardId, card: card.json };
  }
  requireCard(content);
  return {};
}

/** @throws {PlatformError} if the JSON is not a card, or has too many elements */
export function requireCard(card: JsonObject): void {
  if (
    !['elements', 'i18n_elements', 'body', 'header'].some((name) => isObject(card[name]) || Array.isArray(card[name]))
  ) {
    throw cardError(11246, 'the card has neither elements nor a body');
  }
  if (countElements(card) > MAXIMUM_CARD_ELEMENTS) throw cardError(11310, 'element exceeds the limit');
}

function cardError(code: number, reason: string): PlatformError {
  return new PlatformError(230099, `Failed to create card content, ext=ErrCode: ${code}; ErrMsg: ${reason};`);
}

/** Texts are not elements, although they have a `tag`. */
function countElements(part: unknown): number {
  if (Array.isArray(part)) return part.reduce((sum: number, each) => sum + countElements(each), 0);
  if (!isObject(part)) return 0;
  const isElement = typeof part.tag === 'string' && part.tag !== 'plain_text' && part.tag !== 'lark_md';
  return Object.values(part).reduce((sum: number, each) => sum + countElements(each), isElement ? 1 : 0);
}

/** `<at user_id="ou_1">Name</at>` in texts, and `{"tag":"at","user_id":"ou_1"}` in posts. */
function withMentions(content: JsonObject, { state }: ApiContext): CheckedContent {
  const mentions: ChatMessage['mentions'] = [];
  const keyOf = (openId: string) => {
    const known = mentions.find((mention) => mention.openId === openId);
    if (known !== undefined) return known.key;
    const key = `@_user_${mentions.length + 1}`;
    const name = openId === state.bot.openId ? state.bot.name : state.people.get(openId)?.name;
    mentions.push({ key, openId, name: name ?? openId });
    return key;
  };
  const replaced = JSON.stringify(content, (name, value: unknown) => {
    if (name === 'text' && typeof value === 'string') {
      return value.replace(/<at user_id="([^"]*)">[^<]*<\/at>/g, (_, id: string) =>
        id === 'all' ? '@_all' : keyOf(id),
      );
    }
    if (isObject(value) && value.tag === 'at' && typeof value.user_id === 'string' && value.user_id.startsWith('ou_')) {
      return { ...value, user_id: keyOf(value.user_id) };
    }
    return value;
  });
  return { content: replaced, mentions };
}
