import { useEffect, useState } from 'preact/hooks';
import type { EventDetails, EventRecord, EventStatus, LogLine } from '../wire.ts';
import { ApiCalls } from './api-calls.tsx';
import { CallbackResponse } from './callback-response.tsx';
import { CopyButton } from './copy-button.tsx';
import { DetailPane, Facts } from './detail-pane.tsx';
import { formatDuration, formatTime, millisecondsBetween } from './format.ts';
import { JsonView } from './json-view.tsx';
import { LongText } from './long-text.tsx';
import { messages } from './messages.ts';
import { RelatedDeliveries } from './related-deliveries.tsx';
import { fetchDetails } from './requests.ts';
import { framesOf } from './stack-frames.ts';
import { Timeline } from './timeline.tsx';

interface Props {
  record: EventRecord;
  /** All records, newest first. */
  records: readonly EventRecord[];
  onSelect: (messageId: string) => void;
  onBack: () => void;
  onSendAgain: () => void;
  onEdit: () => void;
  onSaveFixture: () => void;
  onRedrive: () => void;
  onRetryNow: () => void;
}

export function EventDetail({ record, records, onSelect, onBack, ...actions }: Props) {
  const { onSendAgain, onEdit, onSaveFixture, onRedrive, onRetryNow } = actions;
  const details = useDetails(record);
  // An event with an unknown envelope has no version. It cannot be signed, and it has no id to renew.
  const isReadable = record.version !== undefined;
  return (
    <DetailPane
      record={record}
      onBack={onBack}
      actions={
        <>
          {isReadable && (
            <>
              <button type="button" title={messages.sendAgainHint} onClick={onSendAgain}>
                {messages.sendAgain}
              </button>
              <button type="button" title={messages.editAndSendHint} onClick={onEdit}>
                {messages.editAndSend}
              </button>
              <button type="button" title={messages.saveFixtureHint} onClick={onSaveFixture}>
                {messages.saveFixture}
              </button>
            </>
          )}
          {record.status === 'dead' && (
            <button type="button" class="primary" onClick={onRedrive}>
              {messages.redrive}
            </button>
          )}
        </>
      }
    >
      <Facts facts={factsOf(record)} />
      {record.lastError !== undefined && <Failure record={record} lines={details?.lines ?? []} />}
      {details !== undefined && record.code === undefined && (
        <Timeline record={record} attempts={details.attempts} onRetryNow={onRetryNow} />
      )}
      <RelatedDeliveries record={record} records={records} onSelect={onSelect} />
      {details?.response !== undefined && <CallbackResponse json={details.response} />}
      {details !== undefined && <ApiCalls calls={details.calls} />}
      {details !== undefined && <Content details={details} />}
    </DetailPane>
  );
}

/** Fetches the event's details again whenever its record changes. */
function useDetails(record: EventRecord): EventDetails | undefined {
  const [details, setDetails] = useState<EventDetails>();
  useEffect(() => {
    let isCurrent = true;
    // On failure, keep the current details until the next change.
    fetchDetails(record.messageId).then(
      (fetched) => isCurrent && setDetails(fetched),
      () => {},
    );
    return () => {
      isCurrent = false;
    };
  }, [record]);
  return details?.record.messageId === record.messageId ? details : undefined;
}

function factsOf(record: EventRecord): [string, string][] {
  const { receivedAt, acknowledgedAt, source, attempts, handleMilliseconds, version, id, messageId } = record;
  return [
    [messages.received, formatTime(receivedAt)],
    [messages.acknowledgedIn, formatDuration(millisecondsBetween(receivedAt, acknowledgedAt))],
    [messages.handledIn, formatDuration(handleMilliseconds)],
    [messages.attempts, `${attempts}`],
    [messages.source, source === undefined ? '–' : messages[source]],
    [messages.version, version ?? '–'],
    [messages.eventId, id ?? '–'],
    [messages.messageId, messageId],
  ];
}

/** The statuses whose `lastError` is not an error. */
const STATUSES_WITH_REASON: ReadonlySet<EventStatus> = new Set(['answered', 'dropped', 'unhandled', 'duplicate']);

function Failure({ record, lines }: { record: EventRecord; lines: readonly LogLine[] }) {
  const isReason = STATUSES_WITH_REASON.has(record.status) || record.code !== undefined;
  const title = isReason ? messages.reason : record.status === 'handled' ? messages.earlierError : messages.error;
  const frames = isReason ? [] : framesOf(lines, record.lastError);
  return (
    <section class={isReason ? 'part' : 'part failure'} aria-labelledby="failure-title">
      <h3 id="failure-title">{title}</h3>
      <div class="failure-message">
        <LongText text={record.lastError ?? ''} />
      </div>
      {record.code !== undefined && <p class="quiet">{messages.errorGuide(record.code)}</p>}
      {frames.length > 0 && (
        <pre class="code stack">
          {frames.map((frame) => (
            <span class={frame.includes('functions/handlers/') ? 'frame frame-own' : 'frame'}>{`${frame}\n`}</span>
          ))}
        </pre>
      )}
    </section>
  );
}

function Content({ details: { json, lines } }: { details: EventDetails }) {
  return (
    <>
      <section class="part" aria-labelledby="log-title">
        <h3 id="log-title">{messages.log}</h3>
        {lines.length === 0 && <p class="quiet">{messages.noLogs}</p>}
        <ol class="log">
          {lines.map(({ timestamp, level, message, details }) => (
            <li class={`level-${level.toLowerCase()}`}>
              <time>{formatTime(timestamp)}</time> <span class="level">{level}</span> <LongText text={message} />{' '}
              <span class="quiet">
                <LongText text={details.join(' ')} />
              </span>
            </li>
          ))}
        </ol>
      </section>
      <section class="part" aria-labelledby="event-title">
        <div class="part-header">
          <h3 id="event-title">{messages.event}</h3>
          {json !== undefined && <CopyButton text={json} label={messages.copyEvent} />}
        </div>
        {json === undefined ? <p class="quiet">{messages.eventGone}</p> : <JsonView json={json} />}
      </section>
    </>
  );
}
