import { writeSync } from 'node:fs';
import type { Log } from '../handler.ts';
import { toPrintable } from '../util/printable.ts';
import { logEntry } from './log-fields.ts';

const LEVELS = ['DEBUG', 'INFO', 'WARN', 'ERROR'] as const;
type Level = (typeof LEVELS)[number];

const STANDARD_OUTPUT = 1;

/** Whether lines go by Node's stream. On Lambda not before they must: making it takes 3 ms of a cold start. */
let hasStream = process.env.AWS_LAMBDA_RUNTIME_API === undefined;

/**
 * Writes a line of JSON. Not by `console.log`: Lambda puts a time and a request id before what that writes, and
 * CloudWatch then finds no metrics in it.
 */
export function writeLine(fields: Record<string, unknown>): void {
  // JSON.stringify leaves characters that some readers take for the end of the line, and that a terminal obeys.
  const line = `${toPrintable(JSON.stringify(fields))}\n`;
  if (hasStream) {
    process.stdout.write(line);
    return;
  }
  const bytes = Buffer.from(line);
  const written = writeDirectly(bytes);
  if (written === bytes.length) return;
  // From now on by the stream, so that no line overtakes the one that waits in it.
  hasStream = true;
  process.stdout.write(bytes.subarray(written));
}

/** @returns how many bytes were written: not all when a pipe is full */
function writeDirectly(bytes: Buffer): number {
  try {
    return writeSync(STANDARD_OUTPUT, bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
    throw error;
  }
}

/**
 * Makes a log that writes JSON lines to the standard output, in the form of Powertools' logger, which would cost the
 * webhook 12 to 20 ms of its cold start.
 *
 * @param level `LOG_LEVEL`: lines below it are left out; `INFO` when it is unknown or not set
 * @param fields what every line holds
 */
export function createLog(level: string | undefined, fields: Record<string, unknown>): Log {
  const known = LEVELS.indexOf((level ?? '').toUpperCase() as Level);
  const threshold = known === -1 ? LEVELS.indexOf('INFO') : known;
  const writer = (lineLevel: Level) => (text: unknown, lineFields: unknown) => {
    if (LEVELS.indexOf(lineLevel) < threshold) return;
    const { message, fields: ownFields } = logEntry(text, lineFields);
    const line = { level: lineLevel, message, timestamp: new Date().toISOString() };
    // Written last as well: no field of a handler replaces the line's message.
    writeLine({ ...line, ...fields, ...ownFields, ...line });
  };
  return { debug: writer('DEBUG'), info: writer('INFO'), warn: writer('WARN'), error: writer('ERROR') };
}
