import type { EventStatus } from '../wire.ts';
import { messages } from './messages.ts';

/** Shows the status as colored text. */
export function Status({ status }: { status: EventStatus }) {
  return <span class={`status status-${status}`}>{messages.statuses[status]}</span>;
}
