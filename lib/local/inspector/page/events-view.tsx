import { useEffect, useMemo, useState } from 'preact/hooks';
import type { EventRecord, SendRequest } from '../wire.ts';
import { BuildBanner } from './build-banner.tsx';
import { Editor } from './editor.tsx';
import { EventDetail } from './event-detail.tsx';
import { type EventFilter, filterEvents } from './event-filter.ts';
import { EventList } from './event-list.tsx';
import { FilterForm } from './filter-form.tsx';
import { messages } from './messages.ts';
import { RejectionDetail } from './rejection-detail.tsx';
import { fetchDraft, redrive, retryNow, saveFixture, send } from './requests.ts';
import { ScheduledFunctions } from './scheduled-functions.tsx';
import { SendForm } from './send-form.tsx';
import { useContentMatches } from './use-content-matches.ts';
import type { LiveRecords } from './use-live-records.ts';
import { ViewHeader } from './view-header.tsx';

interface Draft {
  text: string;
  /** Message id of the event it was made from. */
  from?: string;
}

interface Props extends LiveRecords {
  /** Default: none. The newest event that matches it is opened. */
  initialQuery: string | undefined;
}

/** Lists the events and shows the selected one. */
export function EventsView({ records, buildFailure, isConnected, initialQuery }: Props) {
  const [filter, setFilter] = useState<EventFilter>({ query: initialQuery ?? '' });
  const [selectedId, setSelectedId] = useState<string>();
  const [isOpen, setOpen] = useState(false);
  const [draft, setDraft] = useState<Draft>();
  const [notice, setNotice] = useState('');

  const matches = useContentMatches(filter.query, records.length);
  const shown = useMemo(() => filterEvents(records, filter, matches, Date.now()), [records, filter, matches]);
  const selected = records.find(({ messageId }) => messageId === selectedId);
  const counts = useMemo(() => countByStatus(records), [records]);
  const rejectedCount = counts.get('rejected') ?? 0;

  // The matches arrive after the first rendering.
  const match = initialQuery === undefined || selectedId !== undefined ? undefined : shown[0];
  useEffect(() => {
    if (match === undefined) return;
    setSelectedId(match.messageId);
    openDetail();
  }, [match]);

  const runWithNotice = async (progress: string, work: () => Promise<string>) => {
    setNotice(progress);
    try {
      setNotice(await work());
    } catch (error) {
      setNotice(messages.failed((error as Error).message));
    }
  };
  const sendEvent = (label: string, request: SendRequest) =>
    runWithNotice(messages.sending, async () => {
      const { status, milliseconds, body } = await send(request);
      return messages.responded(label, status, Math.round(milliseconds), body);
    });
  const redriveEvents = (messageId?: string) =>
    runWithNotice(messages.redriving, async () => {
      const { moved, failed } = await redrive(messageId === undefined ? {} : { messageId });
      return failed > 0 ? messages.redriveFailed(failed) : messages.redriven(moved);
    });
  const retryEvent = (messageId: string) =>
    runWithNotice('', async () => {
      await retryNow({ messageId });
      return messages.retried;
    });
  const save = (messageId: string) =>
    runWithNotice('', async () => {
      const { file, isNew } = await saveFixture(messageId);
      return isNew ? messages.fixtureSaved(file) : messages.fixtureExists(file);
    });
  const edit = (source: Parameters<typeof fetchDraft>[0]) =>
    runWithNotice('', async () => {
      const { text } = await fetchDraft(source);
      setDraft({ text, ...('message' in source && { from: source.message }) });
      return '';
    });
  const clear = () => {
    const { clearedAt, ...others } = filter;
    setFilter(clearedAt === undefined ? { ...filter, clearedAt: Date.now() } : others);
  };
  const openDetail = () => {
    setOpen(true);
    // On narrow screens the detail replaces the list and is focusable only once rendered.
    requestAnimationFrame(() => document.getElementById('detail-title')?.focus());
  };
  const select = (messageId: string) => {
    setSelectedId(messageId);
    openDetail();
  };
  const closeDetail = () => {
    setOpen(false);
    requestAnimationFrame(() => document.getElementById('events')?.focus());
  };

  return (
    <div class={isOpen && selected !== undefined ? 'app app-open' : 'app'}>
      <ViewHeader view="events">
        <ScheduledFunctions />
        <SendForm onSend={(sample) => sendEvent(sample.type, { kind: 'sample', ...sample })} onEdit={edit} />
      </ViewHeader>
      <p class="notice" role="status" title={notice}>
        {isConnected ? notice || messages.listening(`${location.origin}/feishu/events`) : messages.reconnecting}
      </p>
      {buildFailure !== null && <BuildBanner failure={buildFailure} />}
      <main class="panes">
        <section class="events" aria-label={messages.title}>
          <FilterForm filter={filter} counts={counts} onChange={setFilter} />
          {shown.length === 0 && <EmptyList hasRecords={records.length > 0} />}
          <EventList records={shown} selectedId={selectedId} onSelect={setSelectedId} onOpen={openDetail} />
          <footer class="summary">
            <span>
              <span class={isConnected ? 'dot dot-live' : 'dot'} title={isConnected ? messages.live : ''} />
              {messages.countOf(shown.filter(isEvent).length, records.length - rejectedCount)}
              {rejectedCount > 0 && messages.rejectedCount(rejectedCount)}
            </span>
            <span class="quiet" id="list-hint">
              {messages.listHint}
            </span>
            <button type="button" disabled={records.length === 0} onClick={clear}>
              {filter.clearedAt === undefined ? messages.clear : messages.showCleared}
            </button>
            <button type="button" disabled={!counts.has('dead')} onClick={() => redriveEvents()}>
              {messages.redriveAll(counts.get('dead') ?? 0)}
            </button>
          </footer>
        </section>
        {selected === undefined && (
          <section class="detail detail-empty">
            <p class="quiet">{messages.select}</p>
          </section>
        )}
        {selected !== undefined && !isEvent(selected) && <RejectionDetail record={selected} onBack={closeDetail} />}
        {selected !== undefined && isEvent(selected) && (
          <EventDetail
            record={selected}
            records={records}
            onSelect={select}
            onBack={closeDetail}
            onSendAgain={() => sendEvent(selected.type ?? '', { kind: 'again', messageId: selected.messageId })}
            onEdit={() => edit({ message: selected.messageId })}
            onSaveFixture={() => save(selected.messageId)}
            onRedrive={() => redriveEvents(selected.messageId)}
            onRetryNow={() => retryEvent(selected.messageId)}
          />
        )}
      </main>
      {draft !== undefined && (
        <Editor
          text={draft.text}
          onClose={() => setDraft(undefined)}
          onSend={(text) => {
            setDraft(undefined);
            void sendEvent(messages.editAndSend, { kind: 'text', ...draft, text });
          }}
        />
      )}
    </div>
  );
}

function EmptyList({ hasRecords }: { hasRecords: boolean }) {
  return (
    <div class="empty-list">
      <p>{hasRecords ? messages.noMatch : messages.noEvents}</p>
      {!hasRecords && <p class="quiet">{messages.noEventsHint}</p>}
    </div>
  );
}

function isEvent({ status }: EventRecord): boolean {
  return status !== 'rejected';
}

function countByStatus(records: readonly EventRecord[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { status } of records) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts;
}
