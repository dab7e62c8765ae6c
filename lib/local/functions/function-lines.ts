import { type JsonObject, tryParseJsonObject } from '../../feishu/envelope.ts';
import { CONTINUATION, toEntry } from '../../util/printable.ts';
import { CONSOLE_MARK } from './console-output.ts';

/** A line of JSON that a function's log wrote, read. */
export interface FunctionLine {
  /** ISO 8601 */
  timestamp: string;
  level: string;
  message: string;
  /** What else it says, in the order of writing. */
  details: [name: string, value: unknown][];
  stack: string | undefined;
  /** The queue message that it is about. */
  messageId: string | undefined;
  eventId: string | undefined;
}

/** @returns `undefined` when it is no log's line */
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
 * Formats a line that a function wrote for a person. Whatever is not the start of a line of the log is marked, so that
 * neither a handler's own output nor a line break in a message or a stack looks like one.
 *
 * @returns `undefined` for lines that only carry metrics
 */
export function formatFunctionLine(text: string): string | undefined {
  const line = readFunctionLine(text);
  if (line === undefined) return parseFields(text)?._aws === undefined ? formatOutput(text) : undefined;
  const { timestamp, level, message, details, stack } = line;
  const words = [timestamp.slice(11, 23), level.padEnd(5), message, ...details.map(formatField)];
  return toEntry(`${words.join(' ')}${stack === undefined ? '' : `\n${stack}`}`);
}

function formatOutput(text: string): string {
  return `${CONTINUATION}${toEntry(text.startsWith(CONSOLE_MARK) ? text.slice(CONSOLE_MARK.length) : text)}`;
}

/** Writes a detail of a line as `name=value`. */
export function formatField([name, value]: [string, unknown]): string {
  if (typeof value === 'string' && /^[\w.:-]+$/.test(value)) return `${name}=${value}`;
  try {
    return `${name}=${JSON.stringify(value)}`;
  } catch {
    // Nested more deeply than this thread's stack goes.
    return `${name}=…`;
  }
}

/** What says nothing on one machine, or is said elsewhere in the line. */
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
