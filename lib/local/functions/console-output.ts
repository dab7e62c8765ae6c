import { Writable } from 'node:stream';

/** Starts each line that `console` writes, so that none is taken for a line of the log, which is JSON. */
export const CONSOLE_MARK = '| ';

/**
 * Marks the lines that a handler writes with `console`. They may be text of an event, whose second line could otherwise
 * be a forged line of the log.
 */
export function markConsoleOutput(): void {
  // The streams that Node's console writes to. A console of our own would write nothing to a debugger.
  Object.assign(console, { _stdout: createMarkedStream(process.stdout), _stderr: createMarkedStream(process.stderr) });
}

/** `console` writes the text of one call at a time. */
function createMarkedStream(output: NodeJS.WriteStream): Writable {
  return new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      const lines = text.replace(/\n$/, '').split('\n');
      output.write(lines.map((line) => `${CONSOLE_MARK}${line}\n`).join(''));
      // At once: lines that wait would be lost if the handler ended the process.
      done();
    },
  });
}
