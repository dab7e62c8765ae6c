/** A string (a property name if a colon follows), a number or a literal. */
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|\b(true|false|null)\b/g;
/** Highlighting longer texts would slow the page down. */
const MAXIMUM_HIGHLIGHTED_CHARACTERS = 100_000;

/** Shows indented JSON with syntax highlighting. */
export function JsonView({ json }: { json: string }) {
  return <pre class="code">{json.length > MAXIMUM_HIGHLIGHTED_CHARACTERS ? json : highlight(json)}</pre>;
}

function highlight(json: string) {
  const parts = [];
  let end = 0;
  for (const match of json.matchAll(TOKEN)) {
    const [text, string, colon] = match;
    parts.push(json.slice(end, match.index));
    const kind = string === undefined ? 'json-value' : colon === undefined ? 'json-string' : 'json-name';
    parts.push(<span class={kind}>{string ?? text}</span>, colon ?? '');
    end = match.index + text.length;
  }
  return [...parts, json.slice(end)];
}
