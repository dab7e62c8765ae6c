import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { EventRecord } from '../wire.ts';
import { formatDuration, formatTime, millisecondsBetween } from './format.ts';
import { messages } from './messages.ts';
import { Status } from './status.tsx';
import { titleOf } from './title.ts';

interface Props {
  records: readonly EventRecord[];
  selectedId: string | undefined;
  onSelect: (messageId: string) => void;
  onOpen: () => void;
}

/** In pixels; must match page.css. */
const ROW_HEIGHT = 48;
/** Rows rendered above and below the visible area, so that scrolling shows no gaps. */
const OVERSCAN_ROWS = 6;

/** Virtual list: renders only visible rows, and keeps its scroll position when new rows arrive above. */
export function EventList({ records, selectedId, onSelect, onOpen }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const [viewport, setViewport] = useState({ top: 0, height: 800 });
  const newest = useRef<string>(undefined);
  const selectedIndex = records.findIndex(({ messageId }) => messageId === selectedId);

  const measure = () => {
    const element = list.current;
    if (element !== null) setViewport({ top: element.scrollTop, height: element.clientHeight });
  };
  useEffect(() => {
    const observer = new ResizeObserver(measure);
    observer.observe(list.current as HTMLDivElement);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    const element = list.current as HTMLDivElement;
    const added = records.findIndex(({ messageId }) => messageId === newest.current);
    newest.current = records[0]?.messageId;
    if (added > 0 && element.scrollTop > 0) element.scrollTop += added * ROW_HEIGHT;
    measure();
  }, [records]);

  const select = (index: number) => {
    const bounded = Math.max(0, Math.min(records.length - 1, index));
    const record = records[bounded];
    const element = list.current;
    if (record === undefined || element === null) return;
    onSelect(record.messageId);
    const top = bounded * ROW_HEIGHT;
    if (top < element.scrollTop) element.scrollTop = top;
    const bottom = top + ROW_HEIGHT - element.clientHeight;
    if (bottom > element.scrollTop) element.scrollTop = bottom;
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const rowsPerPage = Math.max(1, Math.floor(viewport.height / ROW_HEIGHT) - 1);
    const targets: Record<string, number> = {
      ArrowDown: selectedIndex + 1,
      ArrowUp: selectedIndex - 1,
      PageDown: selectedIndex + rowsPerPage,
      PageUp: selectedIndex - rowsPerPage,
      Home: 0,
      End: records.length - 1,
    };
    const target = targets[event.key];
    if (target !== undefined) select(target);
    else if (event.key === 'Enter' && selectedIndex >= 0) onOpen();
    else return;
    event.preventDefault();
  };

  const onClick = ({ target }: MouseEvent) => {
    const position = (target as Element).closest('[role=option]')?.getAttribute('aria-posinset');
    if (position == null) return;
    select(Number(position) - 1);
    onOpen();
  };

  const first = Math.max(0, Math.floor(viewport.top / ROW_HEIGHT) - OVERSCAN_ROWS);
  const last = Math.min(records.length, Math.ceil((viewport.top + viewport.height) / ROW_HEIGHT) + OVERSCAN_ROWS);
  const rendered = records.slice(first, last);
  const isSelectedRendered = selectedIndex >= first && selectedIndex < last;

  return (
    <div
      ref={list}
      id="events"
      class="list"
      role="listbox"
      tabIndex={0}
      aria-label={messages.listLabel}
      aria-describedby="list-hint"
      aria-activedescendant={isSelectedRendered ? rowId(selectedId as string) : undefined}
      onScroll={measure}
      onKeyDown={onKeyDown}
      onClick={onClick}
    >
      <div class="rows" role="presentation" style={{ height: `${records.length * ROW_HEIGHT}px` }}>
        {rendered.map((record, index) => (
          <Row
            key={record.messageId}
            record={record}
            index={first + index}
            count={records.length}
            isSelected={record.messageId === selectedId}
          />
        ))}
      </div>
    </div>
  );
}

interface RowProps {
  record: EventRecord;
  index: number;
  count: number;
  isSelected: boolean;
}

function Row({ record, index, count, isSelected }: RowProps) {
  const { status, source, attempts, receivedAt, acknowledgedAt, handleMilliseconds } = record;
  return (
    <div
      id={rowId(record.messageId)}
      class="row"
      role="option"
      tabIndex={-1}
      aria-selected={isSelected}
      aria-posinset={index + 1}
      aria-setsize={count}
      style={{ transform: `translateY(${index * ROW_HEIGHT}px)` }}
    >
      <span class="row-type">{titleOf(record)}</span>
      <Status status={status} />
      <span class="row-facts">
        <span title={receivedAt}>{formatTime(receivedAt)}</span>
        <span title={source && messages[source]}>{source === undefined ? '' : messages[source]}</span>
        <span>{attempts > 1 ? messages.attemptCount(attempts) : ''}</span>
        <span title={messages.acknowledgedIn}>
          {acknowledgedAt !== undefined &&
            messages.acknowledgedShort(formatDuration(millisecondsBetween(receivedAt, acknowledgedAt)))}
        </span>
        <span title={messages.handledIn}>
          {handleMilliseconds !== undefined && messages.handledShort(formatDuration(handleMilliseconds))}
        </span>
      </span>
    </div>
  );
}

function rowId(messageId: string): string {
  return `event-${messageId}`;
}
