import { useLayoutEffect, useState } from 'preact/hooks';
import { type ChatMessage, type ChatState, LIVE_EVENTS } from '../../wire.ts';
import { fetchChat } from '../requests.ts';

/** Either `state` or `error` is set, once loaded. */
export interface LiveChat {
  state?: ChatState;
  error?: string;
}

/** The local stack's limit. */
const MAXIMUM_MESSAGES = 500;

/**
 * Follows the conversations of the mock platform. Renders at most once per frame.
 *
 * @param source the live stream
 */
export function useChat(source: EventSource): LiveChat {
  const [chat, setChat] = useState<LiveChat>({});
  useLayoutEffect(() => {
    let loaded: LiveChat = {};
    let loads = 0;
    let frame: number | undefined;
    const changed = new Map<string, ChatMessage>();
    const render = () => {
      frame = undefined;
      setChat(loaded.state === undefined ? loaded : { state: withChanges(loaded.state, changed) });
    };
    const scheduleRender = () => {
      frame ??= requestAnimationFrame(render);
    };
    const load = async () => {
      loads += 1;
      const current = loads;
      const result = await fetchChat().then(
        (state) => ({ state }),
        (error: Error) => ({ error: error.message }),
      );
      if (current !== loads) return;
      loaded = result;
      scheduleRender();
    };
    // Sent on every connection: after a reconnect, the local stack may have restarted.
    const onStart = () => {
      changed.clear();
      void load();
    };
    const onMessage = ({ data }: MessageEvent<string>) => {
      const message: ChatMessage = JSON.parse(data);
      changed.set(message.messageId, message);
      if (changed.size > MAXIMUM_MESSAGES) changed.delete(changed.keys().next().value as string);
      // The bot may have created a conversation.
      if (loaded.state?.chats.every(({ chatId }) => chatId !== message.chatId) === true) void load();
      scheduleRender();
    };
    source.addEventListener(LIVE_EVENTS.start, onStart);
    source.addEventListener(LIVE_EVENTS.chat, onMessage);
    if (source.readyState === EventSource.OPEN) void load();
    return () => {
      loads += 1;
      source.removeEventListener(LIVE_EVENTS.start, onStart);
      source.removeEventListener(LIVE_EVENTS.chat, onMessage);
      if (frame !== undefined) cancelAnimationFrame(frame);
    };
  }, [source]);
  return chat;
}

/** Keeps the objects of messages that did not change, so that they are not rendered again. */
function withChanges(state: ChatState, changed: ReadonlyMap<string, ChatMessage>): ChatState {
  const messages = new Map(state.messages.map((message) => [message.messageId, message]));
  for (const [messageId, message] of changed) messages.set(messageId, message);
  const sorted = [...messages.values()].sort((one, other) => one.createdAt - other.createdAt);
  return { ...state, messages: sorted.slice(-MAXIMUM_MESSAGES) };
}
