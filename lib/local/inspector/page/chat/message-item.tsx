import { useMemo } from 'preact/hooks';
import type { CardAction, ChatMessage, Person } from '../../wire.ts';
import type { Confirmation } from '../card/rendering.ts';
import { formatDateAndTime, formatMinutes } from '../format.ts';
import { messages } from '../messages.ts';
import { resourceUrl } from '../requests.ts';
import { renderContent } from './message-content.tsx';
import { previewOf } from './preview.ts';

interface Props {
  message: ChatMessage;
  sender: string;
  /** The message that this one replies to, and its sender. */
  parent: { message: ChatMessage; sender: string } | undefined;
  isOwn: boolean;
  people: readonly Person[];
  onReply: (message: ChatMessage) => void;
  onAction: (message: ChatMessage, action: CardAction, confirm?: Confirmation) => void;
}

export function MessageItem({ message, sender, parent, isOwn, people, onReply, onAction }: Props) {
  const { messageId, createdAt, senderType, parentId, threadId, isEdited, isDeleted, reactions } = message;
  const time = formatMinutes(createdAt);
  // Only changed messages are rendered again: a conversation may have hundreds of cards.
  const content = useMemo(
    () =>
      renderContent(message, {
        people,
        imageUrl: (key) => resourceUrl(messageId, key),
        onAction: (action, confirm) => onAction(message, action, confirm),
      }),
    [message, people, onAction],
  );
  return (
    <li
      id={itemId(messageId)}
      class={`message ${isOwn ? 'message-own' : ''} ${senderType === 'app' ? 'message-bot' : ''}`}
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
          {!isDeleted && (
            <button
              type="button"
              class="message-reply"
              aria-label={messages.chat.replyTo(sender, time)}
              onClick={() => onReply(message)}
            >
              {messages.chat.reply}
            </button>
          )}
        </header>
        {parentId !== undefined && <Quote parent={parent} />}
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
}

/** Shows the message that was replied to, and leads to it. */
function Quote({ parent }: Pick<Props, 'parent'>) {
  if (parent === undefined) return <p class="quote quiet">{messages.chat.goneReply}</p>;
  const { message, sender } = parent;
  const show = () => {
    focusMessage(message.messageId);
    document.getElementById(itemId(message.messageId))?.scrollIntoView({ block: 'center' });
  };
  return (
    <button type="button" class="quote" onClick={show}>
      {messages.chat.inReplyTo(sender, previewOf(message))}
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
