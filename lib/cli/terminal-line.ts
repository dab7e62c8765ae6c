import { styleText } from 'node:util';

const COLORS = { '✓': 'green', '✗': 'red', '!': 'yellow', '+': 'green', '-': 'red', '~': 'yellow' } as const;
/** A mark, the title of a list, or spaces. */
const START = /^(?:[✓✗!?+~-] | *\S+ {2,}| +)?/;
const NARROWEST_COLUMNS = 20;

/**
 * Formats a line of output. On a terminal, colors its mark, and wraps it between words, with the following lines indented
 * like the text of the first one. Otherwise, returns it unchanged.
 */
export function formatLine(line: string, stream: NodeJS.WriteStream = process.stdout): string {
  if (!stream.isTTY) return line;
  const lines = wrap(line, stream.columns);
  const [mark = ''] = line;
  const color = mark in COLORS && line[1] === ' ' ? COLORS[mark as keyof typeof COLORS] : undefined;
  return color === undefined ? lines : `${styleText(color, mark, { stream })}${lines.slice(mark.length)}`;
}

function wrap(line: string, columns: number): string {
  const [start = ''] = START.exec(line) ?? [];
  if (line.length <= columns || columns - start.length < NARROWEST_COLUMNS) return line;
  const rows = [''];
  for (const word of line.slice(start.length).split(' ')) {
    const row = rows.at(-1) ?? '';
    const next = row === '' ? word : `${row} ${word}`;
    if (row === '' || start.length + next.length <= columns) rows[rows.length - 1] = next;
    else rows.push(word);
  }
  return start + rows.join(`\n${' '.repeat(start.length)}`);
}
