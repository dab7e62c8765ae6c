import type { EventStatus } from '../wire.ts';
import { messages } from './messages.ts';

/** In words, and in a colour. */
export function Status({ status }: { status: EventStatus }) {
  return <span class={`status status-${status}`}>{messages.statuses[status]}</span>;
}
