import type { CardAction, ChatMessage, Person } from '../../wire.ts';
import type { Confirmation } from '../card/rendering.ts';
import { formatDateAndTime, formatMinutes } from '../format.ts';
import { memo } from '../memo.tsx';
import { messages } from '../messages.ts';
import { resourceUrl } from '../requests.ts';
import { eventsAddress } from '../route.ts';
import { renderContent } from './message-content.tsx';
import { previewOf } from './preview.ts';

interface Props {
  message: ChatMessage;
  sender: string;
  /** The message that this one replies to, if it is still known, and its sender. */
  parent: ChatMessage | undefined;
  parentSender: string | undefined;
  isOwn: boolean;
  people: readonly Person[];
  onReply: (messageId: string) => void;
  onAction: (message: ChatMessage, action: CardAction, confirm?: Confirmation) => void;
}

/** Only changed messages are rendered again: a conversation may have hundreds of cards. */
export const MessageItem = memo<Props>(({ message, sender, parent, parentSender, isOwn, people, ...handlers }) => {
  const { onReply, onAction } = handlers;
  const { messageId, messageType, createdAt, senderType, parentId, threadId, isEdited, isDeleted, reactions } = message;
  const time = formatMinutes(createdAt);
  const content = renderContent(message, {
    people,
    imageUrl: (key) => resourceUrl(messageId, key),
    onAction: (action, confirm) => onAction(message, action, confirm),
  });
  return (
    <li
      id={itemId(messageId)}
      class={`message ${isOwn ? 'message-own' : ''} ${messageType === 'interactive' ? 'message-card' : ''}`}
      tabIndex={-1}
    >
      <article aria-label={messages.chat.messageOf(sender, time)}>
        <header class="message-header">
          <span class="message-sender">{sender}</span>
          {senderType === 'app' && <span class="message-badge">{messages.chat.bot}</span>}
          {threadId !== undefined && <span class="message-badge">{messages.chat.thread}</span>}
          <time class="quiet" dateTime={isoTime(createdAt)} title={formatDateAndTime(createdAt)}>
            {time}
          </time>
          {isEdited && <span class="quiet">{messages.chat.edited}</span>}
          {senderType === 'user' && (
            <a class="message-event" href={eventsAddress(messageId)} aria-label={messages.chat.eventOf(sender, time)}>
              {messages.chat.event}
            </a>
          )}
          {!isDeleted && (
            <button
              type="button"
              class="message-reply"
              aria-label={messages.chat.replyTo(sender, time)}
              onClick={() => onReply(messageId)}
            >
              {messages.chat.reply}
            </button>
          )}
        </header>
        {parentId !== undefined && <Quote parent={parent} sender={parentSender ?? ''} />}
        <div class="message-body">{content}</div>
        {reactions.length > 0 && (
          <ul class="reactions" aria-label={messages.chat.reactions}>
            {[...new Set(reactions)].map((reaction) => (
              <li key={reaction}>
                {reaction} {reactions.filter((other) => other === reaction).length}
              </li>
            ))}
          </ul>
        )}
      </article>
    </li>
  );
});

/** Shows the message that was replied to, and leads to it. */
function Quote({ parent, sender }: { parent: ChatMessage | undefined; sender: string }) {
  if (parent === undefined) return <p class="quote quiet">{messages.chat.goneReply}</p>;
  const show = () => {
    focusMessage(parent.messageId);
    document.getElementById(itemId(parent.messageId))?.scrollIntoView({ block: 'center' });
  };
  return (
    <button type="button" class="quote" onClick={show}>
      {messages.chat.inReplyTo(sender, previewOf(parent))}
    </button>
  );
}

export function focusMessage(messageId: string): void {
  document.getElementById(itemId(messageId))?.focus({ preventScroll: true });
}

function itemId(messageId: string): string {
  return `message-${messageId}`;
}

function isoTime(time: number): string | undefined {
  return Number.isFinite(time) ? new Date(time).toISOString() : undefined;
}
