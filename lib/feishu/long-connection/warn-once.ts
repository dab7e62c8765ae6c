import type { Log } from '../log.ts';

const warned = new WeakMap<Log, Set<string>>();

/** Logs a warning that would otherwise repeat with every event. Each message is logged once, whatever its fields. */
export function warnOnce(log: Log, message: string, fields: Record<string, unknown> = {}): void {
  const messages = warned.get(log) ?? new Set();
  if (messages.has(message)) return;
  warned.set(log, messages.add(message));
  log.warn(message, fields);
}
