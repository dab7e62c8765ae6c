/** A line of indented JSON, or an object or list with its lines. */
export type JsonNode = string | JsonBlock;

export interface JsonBlock {
  /** The line that opens the object or list. */
  start: string;
  nodes: JsonNode[];
  /** The line that closes it. */
  end: string;
}

/** Deeper objects are not blocks: rendering them would overflow the stack. */
const MAXIMUM_DEPTH = 30;

/**
 * Divides indented JSON into its objects and lists, without parsing it: `JSON.parse` would round integers above 2^53.
 */
export function readBlocks(json: string): JsonNode[] {
  const nodes: JsonNode[] = [];
  const open: JsonBlock[] = [];
  let deeper = 0;
  for (const line of json.split('\n')) {
    const current = open.at(-1);
    const siblings = current?.nodes ?? nodes;
    const isStart = line.endsWith('{') || line.endsWith('[');
    const isEnd = /^\s*[}\]],?$/.test(line);
    if (isStart && open.length < MAXIMUM_DEPTH) {
      const block: JsonBlock = { start: line, nodes: [], end: '' };
      siblings.push(block);
      open.push(block);
      continue;
    }
    if (isStart) deeper += 1;
    if (isEnd && deeper === 0 && current !== undefined) {
      current.end = line;
      open.pop();
      continue;
    }
    if (isEnd && deeper > 0) deeper -= 1;
    siblings.push(line);
  }
  return nodes;
}
