/** Tells a person how far a long run has come. */
export interface Progress {
  report(text: string): void;
  /** Clears what is shown in place. */
  end(): void;
}

/** Where nobody watches, a line now and then is enough. */
const PLAIN_LINE_EVERY_MILLISECONDS = 5000;
const ERASE_LINE = '\r\u001b[K';

/** @param stream a terminal shows the progress in place, anything else gets a plain line every 5 s */
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
