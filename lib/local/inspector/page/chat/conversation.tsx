import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { CardAction, Chat, ChatMessage, ChatState } from '../../wire.ts';
import type { Confirmation } from '../card/rendering.ts';
import { messages } from '../messages.ts';
import { sendAction, sendMessage } from '../requests.ts';
import { Composer } from './composer.tsx';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { focusMessage, MessageItem } from './message-item.tsx';
import { previewOf } from './preview.ts';

interface Props {
  chat: Chat;
  state: ChatState;
}

interface Toast {
  type: string;
  content: string;
}

/** Within this distance of the end, in pixels, the conversation follows new messages. */
const END_PIXELS = 40;

/** Shows the messages of a conversation, and sends messages and actions as one of its members. */
export function Conversation({ chat, state }: Props) {
  const { people, bot } = state;
  const members = people.filter(({ openId }) => chat.memberIds.includes(openId));
  const actors = members.length > 0 ? members : people;
  const [chosenId, setChosenId] = useState<string>();
  const [replyId, setReplyId] = useState<string>();
  const [toast, setToast] = useState<Toast>();
  const [pending, setPending] = useState<{ confirmation: Confirmation; run: () => void }>();
  const actor = actors.find(({ openId }) => openId === chosenId) ?? actors[0];
  const actorId = actor?.openId ?? '';

  const shown = useMemo(
    () => state.messages.filter(({ chatId }) => chatId === chat.chatId),
    [state.messages, chat.chatId],
  );
  const byId = useMemo(() => new Map(shown.map((message) => [message.messageId, message])), [shown]);
  const senderOf = ({ senderId, senderType }: ChatMessage) =>
    senderType === 'app' ? bot.name : (people.find(({ openId }) => openId === senderId)?.name ?? senderId);
  const withSender = (id: string | undefined) => {
    const message = byId.get(id ?? '');
    return message === undefined ? undefined : { message, sender: senderOf(message) };
  };

  const actedOn = useRef<ChatMessage | undefined>(undefined);
  useLayoutEffect(() => {
    const before = actedOn.current;
    if (before === undefined || byId.get(before.messageId) === before) return;
    actedOn.current = undefined;
    // The update may have removed the control that had the focus.
    if (document.activeElement === document.body) focusMessage(before.messageId);
  }, [byId]);

  const isActing = useRef(false);
  const act = async (message: ChatMessage, action: CardAction) => {
    // A second click while the first one is answered is a mistake.
    if (isActing.current) return;
    isActing.current = true;
    actedOn.current = message;
    setToast(undefined);
    try {
      const { status, toast } = await sendAction({ messageId: message.messageId, personId: actorId, ...action });
      if (toast !== undefined) setToast(toast);
      else if (status !== 200) setToast({ type: 'error', content: messages.chat.actionFailed(status) });
    } catch (error) {
      setToast({ type: 'error', content: messages.failed((error as Error).message) });
    }
    isActing.current = false;
  };
  // The same function for all renderings, so that cards are rendered only when they change.
  const latestAct = useRef(act);
  latestAct.current = act;
  const onAction = useCallback((message: ChatMessage, action: CardAction, confirmation?: Confirmation) => {
    const run = () => void latestAct.current(message, action);
    if (confirmation === undefined) run();
    else setPending({ confirmation, run });
  }, []);

  return (
    <section class="conversation" aria-labelledby="chat-title">
      <header class="conversation-header">
        <a class="chat-back" href="#chat">
          ← {messages.chat.backToChats}
        </a>
        <h2 id="chat-title">{chat.name}</h2>
        <span class="quiet">{chat.mode === 'group' ? messages.chat.group : messages.chat.direct}</span>
        <label class="act-as">
          {messages.chat.actAs}{' '}
          <select value={actorId} onChange={(event) => setChosenId(event.currentTarget.value)}>
            {actors.map(({ openId, name }) => (
              <option key={openId} value={openId}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </header>
      <MessageList count={shown.length}>
        {shown.map((message) => {
          const parent = withSender(message.parentId);
          return (
            <MessageItem
              key={message.messageId}
              message={message}
              sender={senderOf(message)}
              parent={parent?.message}
              parentSender={parent?.sender}
              isOwn={message.senderType === 'user' && message.senderId === actorId}
              people={people}
              onReply={setReplyId}
              onAction={onAction}
            />
          );
        })}
      </MessageList>
      <Announcement message={shown.findLast(({ senderType }) => senderType === 'app')} sender={bot.name} />
      <div class="toast-area" role="status">
        {toast !== undefined && (
          <p class={`toast toast-${toast.type === 'error' ? 'error' : 'info'}`}>
            {toast.content}
            <button type="button" onClick={() => setToast(undefined)}>
              {messages.close}
            </button>
          </p>
        )}
      </div>
      <Composer
        botName={chat.mode === 'group' ? bot.name : undefined}
        replyTo={withSender(replyId)}
        onCancelReply={() => setReplyId(undefined)}
        onSend={async (request) => {
          setToast(undefined);
          const reply = replyId !== undefined && { parentId: replyId };
          const { status } = await sendMessage({ chatId: chat.chatId, personId: actorId, ...reply, ...request });
          setReplyId(undefined);
          return status === 200 ? '' : messages.chat.responded(status);
        }}
      />
      {pending !== undefined && (
        <ConfirmDialog
          confirmation={pending.confirmation}
          onConfirm={pending.run}
          onClose={() => setPending(undefined)}
        />
      )}
    </section>
  );
}

/** Scrolls to new content while the end is visible. */
function MessageList({ count, children }: { count: number; children: ComponentChildren }) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const isAtEnd = useRef(true);
  const scrollToEnd = () => {
    const element = scroller.current;
    if (element !== null && isAtEnd.current) element.scrollTop = element.scrollHeight;
  };
  useLayoutEffect(scrollToEnd, [count]);
  useEffect(() => {
    // Pictures load later, and streamed cards grow.
    const observer = new ResizeObserver(scrollToEnd);
    observer.observe(list.current as HTMLOListElement);
    observer.observe(scroller.current as HTMLDivElement);
    return () => observer.disconnect();
  }, []);
  return (
    <div
      ref={scroller}
      class="messages"
      role="log"
      // A separate element announces messages, without those that only change.
      aria-live="off"
      aria-label={messages.chat.messages}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: It scrolls, and Safari needs focus to scroll with the keyboard.
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        isAtEnd.current = scrollHeight - scrollTop - clientHeight < END_PIXELS;
      }}
    >
      {count === 0 && (
        <div class="no-messages">
          <p>{messages.chat.noMessages}</p>
          <p class="quiet">{messages.chat.noMessagesHint}</p>
        </div>
      )}
      <ol ref={list}>{children}</ol>
    </div>
  );
}

/** Tells a screen reader what the bot sent. */
function Announcement({ message, sender }: { message: ChatMessage | undefined; sender: string }) {
  return (
    <p class="visually-hidden" role="status">
      {message !== undefined && messages.chat.said(sender, previewOf(message))}
    </p>
  );
}
