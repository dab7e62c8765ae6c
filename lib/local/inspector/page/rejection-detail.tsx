import type { ErrorCode, EventRecord } from '../wire.ts';
import { DetailPane, Facts } from './detail-pane.tsx';
import { formatTime } from './format.ts';
import { LongText } from './long-text.tsx';
import { messages } from './messages.ts';

/** Default: the request is probably not from the platform. */
const ADVICE: Partial<Record<ErrorCode, keyof typeof messages.rejectionAdvice>> = {
  FEISHU_SIGNATURE_MISSING: 'compareSecrets',
  FEISHU_SIGNATURE_WRONG: 'compareSecrets',
  FEISHU_TOKEN_WRONG: 'compareSecrets',
  FEISHU_BODY_NOT_DECRYPTABLE: 'compareSecrets',
  FEISHU_BODY_NOT_ENCRYPTED: 'compareSecrets',
  FEISHU_ENCRYPT_KEY_MISSING: 'compareSecrets',
  FEISHU_REQUEST_TOO_OLD: 'checkClock',
  FEISHU_INTERNAL_ERROR: 'readTerminal',
  FEISHU_MISCONFIGURED: 'readTerminal',
  FEISHU_QUEUE_UNAVAILABLE: 'readTerminal',
};

/** Shows why the webhook rejected a request, and what to do. */
export function RejectionDetail({ record, onBack }: { record: EventRecord; onBack: () => void }) {
  const { code, lastError, receivedAt } = record;
  if (code === undefined) return null;
  return (
    <DetailPane record={record} onBack={onBack}>
      <Facts facts={[[messages.received, formatTime(receivedAt)]]} />
      <section class="part failure" aria-labelledby="failure-title">
        <h3 id="failure-title">{messages.reason}</h3>
        <div class="failure-message">
          <LongText text={lastError ?? ''} />
        </div>
      </section>
      <section class="part" aria-labelledby="advice-title">
        <h3 id="advice-title">{messages.whatToDo}</h3>
        <p>{messages.rejectionAdvice[ADVICE[code] ?? 'ignore']}</p>
        <p class="quiet">{messages.errorGuide(code)}</p>
      </section>
    </DetailPane>
  );
}
