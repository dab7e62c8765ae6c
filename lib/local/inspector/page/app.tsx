import { useState } from 'preact/hooks';
import { ROUTES } from '../wire.ts';
import { ChatView } from './chat/chat-view.tsx';
import { EventsView } from './events-view.tsx';
import { useRoute } from './route.ts';
import { useLiveRecords } from './use-live-records.ts';

export function App() {
  const [source] = useState(() => new EventSource(ROUTES.live));
  const live = useLiveRecords(source);
  const { view, chatId, query } = useRoute();
  if (view === 'events') return <EventsView key={query} {...live} initialQuery={query} />;
  return <ChatView source={source} chatId={chatId} live={live} />;
}
