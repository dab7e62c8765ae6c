import type { ComponentChildren } from 'preact';
import { messages } from './messages.ts';
import type { Route } from './route.ts';

interface Props {
  view: Route['view'];
  /** The tools of the view. */
  children?: ComponentChildren;
}

export function ViewHeader({ view, children }: Props) {
  return (
    <header class="bar">
      <h1>feishu-events</h1>
      <nav class="views" aria-label={messages.views}>
        <a href="#events" aria-current={view === 'events' ? 'page' : undefined}>
          {messages.title}
        </a>
        <a href="#chat" aria-current={view === 'chat' ? 'page' : undefined}>
          {messages.chat.title}
        </a>
      </nav>
      {children}
    </header>
  );
}
