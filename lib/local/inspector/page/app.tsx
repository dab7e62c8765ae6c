import { useState } from 'preact/hooks';
import { ROUTES } from '../wire.ts';
import { ChatView } from './chat/chat-view.tsx';
import { useChat } from './chat/use-chat.ts';
import { EventsView } from './events-view.tsx';
import { useRoute } from './route.ts';
import { useLiveRecords } from './use-live-records.ts';

export function App() {
  const [source] = useState(() => new EventSource(ROUTES.live));
  const live = useLiveRecords(source);
  const chat = useChat(source);
  const { view, chatId } = useRoute();
  if (view === 'events') return <EventsView {...live} />;
  return <ChatView chat={chat} chatId={chatId} live={live} />;
}
