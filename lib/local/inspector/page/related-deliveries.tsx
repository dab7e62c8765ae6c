import { useMemo } from 'preact/hooks';
import type { EventRecord } from '../wire.ts';
import { formatTime } from './format.ts';
import { messages } from './messages.ts';
import { findRelations } from './relations.ts';
import { Status } from './status.tsx';

interface Props {
  record: EventRecord;
  /** All records, newest first. */
  records: readonly EventRecord[];
  onSelect: (messageId: string) => void;
}

const MAXIMUM_SHOWN = 20;

/** Links the other deliveries of an event. Shows nothing if there are none. */
export function RelatedDeliveries({ record, records, onSelect }: Props) {
  const relations = useMemo(() => findRelations(record, records), [record, records]);
  if (relations.length === 0) return null;
  const more = relations.length - MAXIMUM_SHOWN;
  return (
    <section class="part" aria-labelledby="deliveries-title">
      <h3 id="deliveries-title">{messages.deliveries}</h3>
      <ul class="related-deliveries">
        {relations.slice(0, MAXIMUM_SHOWN).map(({ kind, record: { messageId, receivedAt, status } }) => (
          <li key={messageId}>
            <span id={`relation-${messageId}`}>{messages.relations[kind]}</span>
            <button
              id={`delivery-${messageId}`}
              type="button"
              aria-labelledby={`relation-${messageId} delivery-${messageId}`}
              onClick={() => onSelect(messageId)}
            >
              {formatTime(receivedAt)}
            </button>
            <Status status={status} />
          </li>
        ))}
      </ul>
      {more > 0 && <p class="quiet">{messages.moreDeliveries(more)}</p>}
    </section>
  );
}
