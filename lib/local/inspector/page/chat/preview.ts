import type { ChatMessage } from '../../wire.ts';
import { asList, asObject, asText, type JsonObject, parseObject } from '../card/json.ts';
import { plainText } from '../card/rendering.ts';
import { messages } from '../messages.ts';

const MAXIMUM_CHARACTERS = 120;

/** Describes a message in one line. */
export function previewOf(message: ChatMessage): string {
  const text = describe(message).replaceAll(/\s+/g, ' ').trim();
  return text.length <= MAXIMUM_CHARACTERS ? text : `${text.slice(0, MAXIMUM_CHARACTERS)}…`;
}

function describe(message: ChatMessage): string {
  const { chat } = messages;
  const content = parseObject(message.content);
  if (message.isDeleted) return chat.recalled;
  switch (message.messageType) {
    case 'text':
      return textOf(message);
    case 'post': {
      const { title, paragraphs } = postOf(content);
      const texts = paragraphs
        .flat()
        .map(({ tag, text }) => (tag === 'md' ? withoutMarks(asText(text)) : asText(text)));
      return title || texts.join(' ');
    }
    case 'image':
      return `[${chat.image}]`;
    case 'file':
      return `[${chat.file}] ${asText(content.file_name)}`;
    case 'interactive':
      return `[${chat.card}] ${titleOf(cardOf(message))}`;
    default:
      return chat.unsupported(message.messageType);
  }
}

/** The platform shows the summary of a card in the list of chats. */
function titleOf({ header, config }: JsonObject): string {
  return plainText(asObject(header).title) || asText(asObject(asObject(config).summary).content);
}

/** Removes the marks of bold, struck and code texts, headings and links. */
function withoutMarks(markdown: string): string {
  return markdown.replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll(/\*\*|~~|`+|^#+ /gm, '');
}

/** Returns the text with the names of the mentioned people. */
export function textOf({ content, mentions }: ChatMessage): string {
  const text = asText(parseObject(content).text).replaceAll(
    /<at (?:user_id|id)="?([^">]*)"?>([^<]*)<\/at>/g,
    (_, id, name) => `@${name || id}`,
  );
  const names = new Map(mentions.map(({ key, name }) => [key, `@${name}`]));
  return text.replaceAll(/@_(?:user_\d+|all)/g, (key) => names.get(key) ?? (key === '@_all' ? '@all' : key));
}

/** Returns the current JSON of a message's card. */
export function cardOf({ card, content }: ChatMessage): JsonObject {
  return asObject(card ?? parseObject(content));
}

export interface Post {
  title: string;
  paragraphs: JsonObject[][];
}

const MAXIMUM_PARAGRAPHS = 1000;

/** Posts of the bot have a version for each language, received ones do not. */
export function postOf(content: JsonObject): Post {
  const wrapped = asObject(content.post ?? content);
  const version =
    wrapped.content === undefined ? (wrapped[messages.card.locale] ?? Object.values(wrapped)[0]) : wrapped;
  const { title, content: paragraphs } = asObject(version);
  return {
    title: asText(title),
    paragraphs: asList(paragraphs)
      .slice(0, MAXIMUM_PARAGRAPHS)
      .map((paragraph) => asList(paragraph).slice(0, MAXIMUM_PARAGRAPHS).map(asObject)),
  };
}
