import type { Log } from './handler.ts';

const LEVELS = ['DEBUG', 'INFO', 'WARN', 'ERROR'] as const;
type Level = (typeof LEVELS)[number];

/**
 * Writes a line of JSON. Not by `console.log`: Lambda puts a time and a request id before what that writes, and
 * CloudWatch then finds no metrics in it.
 */
export function writeLine(fields: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(fields)}\n`);
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
  const writer =
    (lineLevel: Level) =>
    (message: string, lineFields: Record<string, unknown> = {}) => {
      if (LEVELS.indexOf(lineLevel) < threshold) return;
      writeLine({ level: lineLevel, message, timestamp: new Date().toISOString(), ...fields, ...lineFields });
    };
  return { debug: writer('DEBUG'), info: writer('INFO'), warn: writer('WARN'), error: writer('ERROR') };
}
