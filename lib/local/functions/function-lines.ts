import { type JsonObject, tryParseJsonObject } from '../../feishu/envelope.ts';
import { CONTINUATION, toEntry } from '../../util/printable.ts';
import { CONSOLE_MARK } from './console-output.ts';

/** A parsed line of a function's JSON log. */
export interface FunctionLine {
  /** ISO 8601 */
  timestamp: string;
  level: string;
  message: string;
  /** The line's other fields, in the order in which they were written. */
  details: [name: string, value: unknown][];
  stack: string | undefined;
  /** The queue message that the line is about. */
  messageId: string | undefined;
  eventId: string | undefined;
}

/** Parses a log line. Returns `undefined` if the text is not one. */
export function readFunctionLine(line: string): FunctionLine | undefined {
  const { level, message, timestamp, stack, ...rest } = parseFields(line) ?? {};
  if (typeof message !== 'string') return undefined;
  return {
    timestamp: asString(timestamp) ?? '',
    level: asString(level) ?? '',
    message,
    details: Object.entries(rest).filter(([name, value]) => value != null && !NOT_SHOWN.has(name)),
    stack: asString(stack),
    messageId: asString(rest.message_id),
    eventId: asString(rest.event_id),
  };
}

/**
 * Formats a line that a function wrote for the terminal. Marks everything that is not the start of a log line, so that
 * neither a handler's own output nor a line break in a message or a stack can be mistaken for one.
 *
 * @returns `undefined` for lines that contain only metrics, and for the webhook's line about an accepted event: a line with
 *   its outcome follows
 */
export function formatFunctionLine(text: string): string | undefined {
  const line = readFunctionLine(text);
  const fields = parseFields(text);
  if (line === undefined) return fields?._aws === undefined ? formatOutput(text) : undefined;
  if (fields?._aws !== undefined && fields.Accepted === 1) return undefined;
  const { timestamp, level, message, details, stack } = line;
  const words = [timestamp.slice(11, 23), level.padEnd(5), message, ...details.map(formatField)];
  return toEntry(`${words.join(' ')}${stack === undefined ? '' : `\n${stack}`}`);
}

function formatOutput(text: string): string {
  return `${CONTINUATION}${toEntry(text.startsWith(CONSOLE_MARK) ? text.slice(CONSOLE_MARK.length) : text)}`;
}

/** Formats a field of a log line as `name=value`. */
export function formatField([name, value]: [string, unknown]): string {
  if (typeof value === 'string' && /^[\w.:-]+$/.test(value)) return `${name}=${value}`;
  try {
    return `${name}=${JSON.stringify(value)}`;
  } catch {
    // Nested too deeply for this thread's stack.
    return `${name}=…`;
  }
}

/** Fields that are meaningless on one machine or repeat others. */
const NOT_SHOWN: ReadonlySet<string> = new Set([
  ...['service', 'sampling_rate', 'xray_trace_id', 'message_id', 'event_version', '_aws'],
  ...['Accepted', 'AcknowledgeTime', 'Refused', 'UrlVerified'],
]);

function parseFields(line: string): JsonObject | undefined {
  return line.startsWith('{') ? tryParseJsonObject(line) : undefined;
}

function asString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
