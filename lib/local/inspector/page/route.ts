import { useEffect, useState } from 'preact/hooks';

export interface Route {
  view: 'events' | 'chat';
  /** Only for the events: what to search for, such as the id of a message. */
  query?: string;
  /** Only for the chat view. */
  chatId?: string;
}

/** Follows the fragment of the page's address. */
export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const update = () => setHash(location.hash);
    addEventListener('hashchange', update);
    // It may have changed since the first rendering.
    update();
    return () => removeEventListener('hashchange', update);
  }, []);
  return readRoute(hash);
}

export function chatAddress(chatId: string): string {
  return `#chat/${encodeURIComponent(chatId)}`;
}

export function eventsAddress(query: string): string {
  return `#events/${encodeURIComponent(query)}`;
}

function readRoute(hash: string): Route {
  const [view, id = ''] = hash.slice(1).split('/');
  if (view !== 'chat') return { view: 'events', ...(id !== '' && { query: decode(id) }) };
  return id === '' ? { view } : { view, chatId: decode(id) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
