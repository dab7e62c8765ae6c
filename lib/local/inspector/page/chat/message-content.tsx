import type { ComponentChild } from 'preact';
import type { ChatMessage } from '../../wire.ts';
import { renderCard } from '../card/card.tsx';
import { asList, asText, type JsonObject, parseObject } from '../card/json.ts';
import { renderMarkdown } from '../card/markdown.tsx';
import { type CardContext, nameOf } from '../card/rendering.ts';
import { SafeLink } from '../card/safe-link.tsx';
import { LongText } from '../long-text.tsx';
import { messages } from '../messages.ts';
import { resourceUrl } from '../requests.ts';
import { cardOf, postOf, textOf } from './preview.ts';

/** Of a text message before it is shortened. */
const MAXIMUM_CHARACTERS = 4000;
const WEB_ADDRESS = /(https?:\/\/[^\s<>"'，。、]+)/;

/** Renders what a message contains, as text, pictures of the mock platform and controls. */
export function renderContent(message: ChatMessage, context: CardContext): ComponentChild {
  const content = parseObject(message.content);
  if (message.isDeleted) return <p class="quiet">{messages.chat.recalled}</p>;
  switch (message.messageType) {
    case 'text':
      return (
        <div class="message-text">
          <LongText text={textOf(message)} render={withLinks} maximumCharacters={MAXIMUM_CHARACTERS} />
        </div>
      );
    case 'post':
      return renderPost(content, message, context);
    case 'image':
      return <img class="message-image" src={context.imageUrl(asText(content.image_key))} alt={messages.chat.image} />;
    case 'file':
      return renderFile(content, message);
    case 'interactive':
      return renderCard(cardOf(message), context);
    default:
      return (
        <>
          <p class="quiet">{messages.chat.unsupported(message.messageType)}</p>
          <div class="code">
            <LongText text={asText(message.content)} />
          </div>
        </>
      );
  }
}

function renderFile({ file_key: key, file_name: name }: JsonObject, { messageId }: ChatMessage): ComponentChild {
  const label = asText(name) || messages.chat.file;
  return (
    <a class="message-file" href={resourceUrl(messageId, asText(key))} download={label}>
      {label}
    </a>
  );
}

function renderPost(content: JsonObject, message: ChatMessage, context: CardContext): ComponentChild {
  const { title, paragraphs } = postOf(content);
  return (
    <div class="post">
      {title !== '' && <p class="post-title">{title}</p>}
      {paragraphs.map((parts) => (
        <div class="post-paragraph">{parts.map((part) => renderPart(part, message, context))}</div>
      ))}
    </div>
  );
}

function renderPart(part: JsonObject, { mentions }: ChatMessage, context: CardContext): ComponentChild {
  const text = asText(part.text);
  switch (part.tag) {
    case 'text':
      return <span class={styleOf(part)}>{text}</span>;
    case 'a':
      return (
        <SafeLink url={part.href} class={styleOf(part)}>
          {text || asText(part.href)}
        </SafeLink>
      );
    case 'at': {
      const id = asText(part.user_id);
      const mention = mentions.find(({ key, openId }) => key === id || openId === id);
      const name = mention?.name ?? (asText(part.user_name) || nameOf(id, context));
      return <span class="mention">@{name}</span>;
    }
    case 'img':
      return <img class="message-image" src={context.imageUrl(asText(part.image_key))} alt={messages.chat.image} />;
    case 'md':
      return renderMarkdown(text, context);
    case 'hr':
      return <hr />;
    case 'code_block':
      return <pre class="code">{text}</pre>;
    case 'emotion':
      return <span>[{asText(part.emoji_type)}]</span>;
    default:
      return <span class="quiet">[{asText(part.tag)}]</span>;
  }
}

const STYLES: ReadonlySet<string> = new Set(['bold', 'italic', 'underline', 'lineThrough']);

function styleOf({ style }: JsonObject): string {
  return asList(style)
    .map(asText)
    .filter((name) => STYLES.has(name))
    .map((name) => `post-${name}`)
    .join(' ');
}

function withLinks(text: string): ComponentChild[] {
  return text
    .split(WEB_ADDRESS)
    .map((part, index) => (index % 2 === 1 ? <SafeLink url={part}>{part}</SafeLink> : part));
}
