import type { ComponentChildren } from 'preact';
import type { EventRecord } from '../wire.ts';
import { CopyButton } from './copy-button.tsx';
import { messages } from './messages.ts';
import { Status } from './status.tsx';
import { titleOf } from './title.ts';

interface Props {
  record: EventRecord;
  onBack: () => void;
  /** Buttons. */
  actions?: ComponentChildren;
  children: ComponentChildren;
}

/** The frame of the detail of an event or a rejected request. */
export function DetailPane({ record, onBack, actions, children }: Props) {
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') onBack();
  };
  return (
    <section class="detail" aria-labelledby="detail-title" onKeyDown={onKeyDown}>
      <header class="detail-header">
        <button type="button" class="back" onClick={onBack}>
          ← {messages.back}
        </button>
        <h2 id="detail-title" tabIndex={-1}>
          {titleOf(record)}
        </h2>
        <Status status={record.status} />
        {actions !== undefined && <div class="actions">{actions}</div>}
      </header>
      {children}
    </section>
  );
}

/** The ids that people paste elsewhere. */
const COPIED: ReadonlySet<string> = new Set([messages.eventId, messages.messageId]);

export function Facts({ facts }: { facts: readonly [name: string, value: string][] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {value} {COPIED.has(name) && <CopyButton text={value} label={messages.copyOf(name)} />}
          </dd>
        </div>
      ))}
    </dl>
  );
}
