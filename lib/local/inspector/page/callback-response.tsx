import { CopyButton } from './copy-button.tsx';
import { JsonView } from './json-view.tsx';
import { LongText } from './long-text.tsx';
import { messages } from './messages.ts';

/** Shows what the platform received as the response to a callback. */
export function CallbackResponse({ json }: { json: string }) {
  const { toast, card } = parse(json);
  return (
    <section class="part" aria-labelledby="response-title">
      <div class="part-header">
        <h3 id="response-title">{messages.callbackResponse}</h3>
        <CopyButton text={json} label={messages.copyOf(messages.callbackResponse)} />
      </div>
      {json === '{}' && <p class="quiet">{messages.noToast}</p>}
      {toast !== undefined && (
        <p>
          <LongText text={messages.toast(String(toast?.type ?? 'info'), String(toast?.content ?? ''))} />
        </p>
      )}
      {card !== undefined && <p>{messages.replacesCard}</p>}
      {json !== '{}' && <JsonView json={json} />}
    </section>
  );
}

function parse(json: string): { toast?: { type?: unknown; content?: unknown } | null; card?: unknown } {
  try {
    return JSON.parse(json);
  } catch {
    // Nested too deeply.
    return {};
  }
}
