import { useMemo } from 'preact/hooks';
import { type JsonNode, readBlocks } from './json-blocks.ts';
import { LongText } from './long-text.tsx';

/** A string (a property name if a colon follows), a number or a literal. */
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|\b(true|false|null)\b/g;
/** Highlighting longer texts would slow the page down. */
const MAXIMUM_HIGHLIGHTED_CHARACTERS = 100_000;

/** Shows indented JSON with syntax highlighting. Objects and lists can be folded. */
export function JsonView({ json }: { json: string }) {
  const content = useMemo(
    () => (json.length > MAXIMUM_HIGHLIGHTED_CHARACTERS ? json : readBlocks(json).map(renderNode)),
    [json],
  );
  return <div class="code json">{content}</div>;
}

function renderNode(node: JsonNode) {
  if (typeof node === 'string') return renderLine(node);
  const { start, nodes, end } = node;
  return (
    <details open>
      <summary>{highlight(start)}</summary>
      {nodes.map(renderNode)}
      <div>{end}</div>
    </details>
  );
}

function renderLine(line: string) {
  return (
    <div>
      <LongText text={line} render={highlight} />
    </div>
  );
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
