import type { Log } from '../handler.ts';

export interface LogLine {
  level: keyof Log;
  message: string;
  fields: Readonly<Record<string, unknown>>;
}

/** Creates a log that captures its lines instead of writing them. */
export function createLogCapture(): { log: Log; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const writer =
    (level: keyof Log): Log['info'] =>
    (message, fields = {}) => {
      lines.push({ level, message, fields });
    };
  const log = { debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') };
  return { log, lines };
}
