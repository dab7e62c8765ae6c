import { toPrintable } from '../printable.ts';

/**
 * Puts a line that a function wrote into the form a person reads.
 *
 * @returns `undefined` for lines that only carry metrics
 */
export function formatFunctionLine(line: string): string | undefined {
  const text = describe(line);
  return text === undefined ? undefined : toPrintable(text);
}

function describe(line: string): string | undefined {
  const fields = parseFields(line);
  if (fields === undefined) return line;
  const { level, message, timestamp, _aws, ...rest } = fields;
  if (typeof message !== 'string') return _aws === undefined ? line : undefined;
  const time = typeof timestamp === 'string' ? timestamp.slice(11, 23) : '';
  const details = Object.entries(rest).filter(([name, value]) => value != null && !NOT_SHOWN.has(name));
  const stack = typeof rest.stack === 'string' ? `\n${rest.stack}` : '';
  return `${[time, String(level).padEnd(5), message, ...details.map(formatField)].join(' ')}${stack}`;
}

/** What says nothing on one machine, or is said elsewhere in the line. */
const NOT_SHOWN: ReadonlySet<string> = new Set([
  ...['service', 'sampling_rate', 'xray_trace_id', 'stack', 'message_id', 'event_version'],
  ...['Accepted', 'AcknowledgeTime', 'Refused', 'UrlVerified'],
]);

function parseFields(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function formatField([name, value]: [string, unknown]): string {
  return `${name}=${typeof value === 'string' && /^[\w.:-]+$/.test(value) ? value : JSON.stringify(value)}`;
}
