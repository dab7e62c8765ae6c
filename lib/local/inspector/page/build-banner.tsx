import type { BuildError, BuildFailure } from '../wire.ts';
import { messages } from './messages.ts';

/** More would only be noise: a file that everything imports affects all handlers. */
const MAXIMUM_HANDLERS = 5;

/** Shows why the build failed, as text, until it succeeds. */
export function BuildBanner({ failure: { errors, omitted, keepsRunning } }: { failure: BuildFailure }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: With many errors it scrolls, and Safari needs focus to scroll with the keyboard.
    <section class="failure banner" role="alert" aria-label={messages.buildFailed} tabIndex={0}>
      <h2>{messages.buildFailed}</h2>
      <p>{keepsRunning ? messages.keepsRunning : messages.startsOnceBuilt}</p>
      <ul>
        {errors.map((error) => (
          <ErrorItem key={`${error.file}:${error.line}:${error.column}:${error.text}`} error={error} />
        ))}
      </ul>
      {omitted > 0 && <p>{messages.moreErrors(omitted)}</p>}
    </section>
  );
}

function ErrorItem({ error: { text, file, line, column, handlers } }: { error: BuildError }) {
  const shown = handlers.slice(0, MAXIMUM_HANDLERS);
  return (
    <li>
      {file !== undefined && <code>{`${file}:${line}:${column}`}</code>}
      <p class="failure-message">{text}</p>
      {shown.length > 0 && (
        <p class="quiet">{messages.affectedHandlers(shown.join(', '), handlers.length - shown.length)}</p>
      )}
    </li>
  );
}
