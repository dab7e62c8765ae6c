import type { ApiCallDetails } from '../wire.ts';
import { formatDuration } from './format.ts';
import { JsonView } from './json-view.tsx';
import { messages } from './messages.ts';

/** Lists the calls of the platform's API by the event's handler. */
export function ApiCalls({ calls }: { calls: readonly ApiCallDetails[] }) {
  if (calls.length === 0) return null;
  return (
    <section class="part" aria-labelledby="calls-title">
      <h3 id="calls-title">{messages.apiCalls}</h3>
      {calls.map((call, index) => (
        <ApiCall key={index} {...call} />
      ))}
    </section>
  );
}

function ApiCall({ method, path, status, milliseconds, request, response, error }: ApiCallDetails) {
  const isFailed = status === undefined || status >= 400;
  return (
    <details class="api-call">
      <summary>
        <code>
          {method} {path}
        </code>{' '}
        <span class={isFailed ? 'api-call-failed' : 'api-call-succeeded'}>{status ?? messages.noResponse}</span>{' '}
        <span class="quiet">{formatDuration(milliseconds)}</span>
      </summary>
      {error !== undefined && <p class="failure-message">{error}</p>}
      {request !== undefined && (
        <>
          <h4>{messages.apiRequest}</h4>
          <JsonView json={request} />
        </>
      )}
      {response !== undefined && (
        <>
          <h4>{messages.apiResponse}</h4>
          <JsonView json={response} />
        </>
      )}
    </details>
  );
}
