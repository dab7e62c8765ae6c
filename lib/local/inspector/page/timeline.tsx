import type { Attempt, EventRecord } from '../wire.ts';
import { formatDuration, formatTime } from './format.ts';
import { LongText } from './long-text.tsx';
import { messages } from './messages.ts';

interface Props {
  record: EventRecord;
  attempts: readonly Attempt[];
  onRetryNow: () => void;
}

/** Lists the attempts at an event with their outcomes, and when the next one starts. */
export function Timeline({ record, attempts, onRetryNow }: Props) {
  const { attempts: count, retryAt, lastError } = record;
  // Those of an earlier npm start are only counted.
  const earlier = count - attempts.filter(({ outcome }) => outcome !== 'limited' && outcome !== 'continued').length;
  return (
    <section class="part" aria-labelledby="timeline-title">
      <h3 id="timeline-title">{messages.timeline}</h3>
      {attempts.length === 0 && <p class="quiet">{messages.noAttempts}</p>}
      {attempts.length > 0 && earlier > 0 && <p class="quiet">{messages.earlierAttempts(earlier)}</p>}
      <ol class="timeline">
        {attempts.map(({ startedAt, outcome, milliseconds, reason }) => (
          <li class={`timeline-${outcome ?? 'running'}`} key={startedAt}>
            <time dateTime={startedAt}>{formatTime(startedAt)}</time>{' '}
            <span class="timeline-outcome">{messages.outcomes[outcome ?? 'running']}</span>{' '}
            {milliseconds !== undefined && <span class="quiet">{formatDuration(milliseconds)}</span>}
            {/* The last one is shown above. */}
            {reason !== undefined && reason !== lastError && (
              <div class="failure-message">
                <LongText text={reason} />
              </div>
            )}
          </li>
        ))}
        {retryAt !== undefined && (
          <li class="timeline-next">
            <time dateTime={retryAt}>{formatTime(retryAt)}</time>{' '}
            <span class="timeline-outcome">{messages.nextAttempt}</span>{' '}
            <button type="button" onClick={onRetryNow}>
              {messages.retryNow}
            </button>
          </li>
        )}
      </ol>
    </section>
  );
}
