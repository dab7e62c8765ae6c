import type { Readable } from 'node:stream';

/**
 * Calls a function with each line of a stream. Only a line feed ends a line: `node:readline` also splits at U+2028, which
 * JSON does not escape, so the text of an event could start a new line.
 */
export function readLines(input: Readable, onLine: (line: string) => void): void {
  let rest = '';
  input.setEncoding('utf8');
  input.on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() as string;
    for (const line of lines) onLine(line);
  });
  input.once('end', () => {
    if (rest !== '') onLine(rest);
  });
}
