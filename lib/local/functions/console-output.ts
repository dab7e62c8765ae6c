import { Writable } from 'node:stream';

/** Starts each line that `console` writes, so that it cannot be mistaken for a log line, which is JSON. */
export const CONSOLE_MARK = '| ';

/**
 * Marks the lines that a handler writes with `console`. They may contain the text of an event, which could otherwise
 * forge log lines.
 */
export function markConsoleOutput(): void {
  // Replaces the streams of Node's console. A new console would not write to a debugger.
  Object.assign(console, { _stdout: createMarkedStream(process.stdout), _stderr: createMarkedStream(process.stderr) });
}

/** Relies on `console` writing the text of each call at once. */
function createMarkedStream(output: NodeJS.WriteStream): Writable {
  return new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      const lines = text.replace(/\n$/, '').split('\n');
      output.write(lines.map((line) => `${CONSOLE_MARK}${line}\n`).join(''));
      // Does not wait for the output: pending lines would be lost if the handler ended the process.
      done();
    },
  });
}
