import { errorFields } from './error-fields.ts';

/** As deep as a person reads; what a stranger sends may be nested a hundred thousand times. */
const DEEPEST = 10;

/**
 * What a log writes of the fields that it is given: each error, however deep it is in them, as {@link errorFields} has it,
 * and of everything else what JSON can hold. It never throws.
 */
export function logFields(fields: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(fields).flatMap(([name, value]) =>
    value instanceof Error ? Object.entries(errorFields(value)) : [[name, toLoggable(value, [])]],
  );
  return Object.fromEntries(entries);
}

function toLoggable(value: unknown, ancestors: readonly object[]): unknown {
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (ancestors.includes(value)) return '[circular]';
  if (ancestors.length === DEEPEST) return '[nested too deeply]';
  try {
    if (value instanceof Error) return errorFields(value);
    const inner = [...ancestors, value];
    if (Array.isArray(value)) return value.map((item) => toLoggable(item, inner));
    if ('toJSON' in value && typeof value.toJSON === 'function') return toLoggable(value.toJSON(), inner);
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, toLoggable(part, inner)]));
  } catch {
    return '[unreadable]';
  }
}
