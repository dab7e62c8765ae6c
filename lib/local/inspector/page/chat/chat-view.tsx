import type { ChatState } from '../../wire.ts';
import { BuildBanner } from '../build-banner.tsx';
import { messages } from '../messages.ts';
import { chatAddress } from '../route.ts';
import type { LiveRecords } from '../use-live-records.ts';
import { ViewHeader } from '../view-header.tsx';
import { Conversation } from './conversation.tsx';
import { FailCalls } from './fail-calls.tsx';
import { previewOf } from './preview.ts';
import { useChat } from './use-chat.ts';

interface Props {
  /** The live stream. */
  source: EventSource;
  /** Default: the first conversation. */
  chatId: string | undefined;
  live: Pick<LiveRecords, 'buildFailure' | 'isConnected'>;
}

/** Lists the conversations of the mock platform and shows one of them. */
export function ChatView({ source, chatId, live: { buildFailure, isConnected } }: Props) {
  const { state, error } = useChat(source);
  return (
    <div class={chatId === undefined ? 'app' : 'app app-open'}>
      <ViewHeader view="chat">{state !== undefined && <FailCalls />}</ViewHeader>
      {!isConnected && (
        <p class="notice" role="status">
          {messages.reconnecting}
        </p>
      )}
      {buildFailure !== null && <BuildBanner failure={buildFailure} />}
      <main class="chat">
        {state !== undefined && <Chats state={state} chatId={chatId} />}
        {state === undefined && <Unavailable error={error} />}
      </main>
    </div>
  );
}

function Unavailable({ error }: { error: string | undefined }) {
  return (
    <div class="chat-unavailable">
      <p>{error === undefined ? messages.chat.loading : messages.chat.unavailable}</p>
      {error !== undefined && <p class="quiet">{error}</p>}
    </div>
  );
}

function Chats({ state, chatId }: { state: ChatState; chatId: string | undefined }) {
  const { chats, messages: sent } = state;
  const selected = chatId === undefined ? chats[0] : chats.find((chat) => chat.chatId === chatId);
  return (
    <>
      <nav class="chats" aria-label={messages.chat.chats}>
        <ul>
          {chats.map((chat) => {
            const last = sent.findLast((message) => message.chatId === chat.chatId);
            return (
              <li key={chat.chatId}>
                <a href={chatAddress(chat.chatId)} aria-current={chat === selected ? 'page' : undefined}>
                  <span class="chats-name">{chat.name}</span>
                  <span class="chats-mode">{chat.mode === 'group' ? messages.chat.group : messages.chat.direct}</span>
                  <span class="chats-last">{last === undefined ? ' ' : previewOf(last)}</span>
                </a>
              </li>
            );
          })}
        </ul>
      </nav>
      {selected === undefined ? (
        <p class="chat-unavailable">{messages.chat.noChat}</p>
      ) : (
        <Conversation key={selected.chatId} chat={selected} state={state} />
      )}
    </>
  );
}
