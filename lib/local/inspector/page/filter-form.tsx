import type { EventRecord, EventStatus } from '../wire.ts';
import type { EventFilter } from './event-filter.ts';
import { messages } from './messages.ts';

interface Props {
  filter: EventFilter;
  /** The number of events by status. */
  counts: ReadonlyMap<string, number>;
  onChange: (filter: EventFilter) => void;
}

const SOURCES = ['webhook', 'long-connection'] as const satisfies EventRecord['source'][];
const MINUTES = [5, 60, 24 * 60];

/** Form to search and filter the events. */
export function FilterForm({ filter, counts, onChange }: Props) {
  const { query, status, source, withinMinutes } = filter;
  /** Sets one part of the filter, or removes it. */
  const set = (name: keyof EventFilter, value: string | number | undefined) => {
    const { [name]: _, ...others } = filter;
    onChange({ query, ...others, ...(value !== undefined && { [name]: value }) });
  };
  return (
    <search class="filter">
      <input
        type="search"
        aria-label={messages.search}
        placeholder={messages.search}
        spellcheck={false}
        value={query}
        onInput={(event) => set('query', event.currentTarget.value)}
      />
      <select
        aria-label={messages.status}
        value={status ?? ''}
        onChange={({ currentTarget: { value } }) => set('status', (value || undefined) as EventStatus | undefined)}
      >
        <option value="">{messages.allStatuses}</option>
        {Object.entries(messages.statuses).map(([value, name]) => (
          <option key={value} value={value}>{`${name} (${counts.get(value) ?? 0})`}</option>
        ))}
      </select>
      <select
        aria-label={messages.source}
        value={source ?? ''}
        onChange={({ currentTarget: { value } }) => set('source', value || undefined)}
      >
        <option value="">{messages.allSources}</option>
        {SOURCES.map((value) => (
          <option key={value} value={value}>
            {messages[value]}
          </option>
        ))}
      </select>
      <select
        aria-label={messages.time}
        value={withinMinutes ?? ''}
        onChange={({ currentTarget: { value } }) => set('withinMinutes', value === '' ? undefined : Number(value))}
      >
        <option value="">{messages.anyTime}</option>
        {MINUTES.map((minutes) => (
          <option key={minutes} value={minutes}>
            {messages.withinMinutes(minutes)}
          </option>
        ))}
      </select>
    </search>
  );
}
