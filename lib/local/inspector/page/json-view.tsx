/** A string that is a name, another string, a number, a word. */
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|\b(true|false|null)\b/g;
/** Colours on more than this would make the page slow. */
const MAXIMUM_COLOURED_CHARACTERS = 100_000;

/** Shows indented JSON. */
export function JsonView({ json }: { json: string }) {
  return <pre class="code">{json.length > MAXIMUM_COLOURED_CHARACTERS ? json : coloured(json)}</pre>;
}

function coloured(json: string) {
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
