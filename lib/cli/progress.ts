/** Shows the progress of a long-running command. */
export interface Progress {
  report(text: string): void;
  /** Clears the progress on a terminal. */
  end(): void;
}

/** Keeps logs short when the output is not a terminal. */
const PLAIN_LINE_EVERY_MILLISECONDS = 5000;
const ERASE_LINE = '\r\u001b[K';

/** Shows progress in place on a terminal, otherwise as a line every 5 s. */
export function createProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  let lastAt = Date.now();
  return {
    report(text) {
      if (stream.isTTY) {
        stream.write(`${ERASE_LINE}${text}`);
      } else if (Date.now() - lastAt >= PLAIN_LINE_EVERY_MILLISECONDS) {
        stream.write(`${text}\n`);
        lastAt = Date.now();
      }
    },
    end() {
      if (stream.isTTY) stream.write(ERASE_LINE);
    },
  };
}
