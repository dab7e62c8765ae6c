import { isObject } from '../feishu/envelope.ts';
import { errorFields, isError } from './error-fields.ts';
import { carriesHttp, httpFields } from './http-fields.ts';

/** Limits the nesting: events can be nested a hundred thousand levels deep. */
const MAXIMUM_DEPTH = 10;
/** The limit of values in one line. An object that is referenced many times is written each time. */
const MAXIMUM_VALUES = 10_000;

const UNREADABLE = '[unreadable]';
/** Matches `Authorization`, `X-Lark-Helpdesk-Authorization` and similar names. */
const CREDENTIAL_NAME = /authorization$/i;

/** The message and fields of one log line, safe to serialize as JSON. */
export interface LogEntry {
  message: string;
  fields: Record<string, unknown>;
}

/**
 * Makes the arguments of a handler's log call safe to write. At any depth, errors are reduced by {@link errorFields}
 * and an HTTP client's requests and responses by {@link httpFields}, because both contain the Authorization header.
 * Never throws.
 *
 * @param message typed as a string for handlers, but a value of type `any` can be anything
 * @param fields typed as an object for handlers
 */
export function logEntry(message: unknown, fields: unknown): LogEntry {
  if (typeof message === 'string') return { message, fields: logFields(fields) };
  const messageFields = logFields(message);
  const { error, extra } = messageFields;
  const text = [error, extra].find((candidate) => typeof candidate === 'string') ?? '(no message)';
  return { message: text as string, fields: { ...messageFields, ...logFields(fields) } };
}

/** Makes the fields of a log line safe to write; see {@link logEntry}. */
export function logFields(fields: unknown): Record<string, unknown> {
  if (fields === undefined || fields === null) return {};
  const loggable = new Converter().convert(fields, []);
  if (!isObject(loggable)) return { extra: loggable };
  return liftFirstError(fields, loggable);
}

/** Moves the name, stack and cause of the first error to the top level, where logs are searched for `error`. */
function liftFirstError(fields: unknown, loggable: Record<string, unknown>): Record<string, unknown> {
  const isErrorAt = (name: string) => {
    try {
      return isError(Reflect.get(fields as object, name));
    } catch {
      return false;
    }
  };
  const names = Object.keys(loggable);
  const first = isErrorAt('error') ? 'error' : names.includes('error') ? undefined : names.find(isErrorAt);
  if (first === undefined || !isObject(loggable[first])) return loggable;
  const { [first]: error, ...rest } = loggable;
  return { ...rest, ...(error as object) };
}

/** Converts the values of one line to JSON values. */
class Converter {
  #valuesLeft = MAXIMUM_VALUES;

  convert(value: unknown, ancestors: readonly object[]): unknown {
    if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
    // JSON.stringify would call the `toJSON` of a function.
    if (typeof value === 'function') return undefined;
    if (typeof value !== 'object' || value === null) return value;
    if (ancestors.includes(value)) return '[circular]';
    if (ancestors.length === MAXIMUM_DEPTH) return '[nested too deeply]';
    try {
      return this.#convertObject(value, [...ancestors, value]);
    } catch {
      return UNREADABLE;
    }
  }

  #convertObject(value: object, ancestors: readonly object[]): unknown {
    if (isError(value)) return errorFields(value);
    if (Array.isArray(value)) return this.#convertList(value, ancestors);
    if (value instanceof Map) return this.#convertMap(value, ancestors);
    if (value instanceof Set) return this.#convertList([...Set.prototype.values.call(value)], ancestors);
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if (carriesHttp(value)) return httpFields(value);
    if ('toJSON' in value && typeof value.toJSON === 'function') return this.convert(value.toJSON(), ancestors);
    return this.#convertEntries(value, ancestors);
  }

  #convertList(list: readonly unknown[], ancestors: readonly object[]): unknown[] {
    const converted: unknown[] = [];
    // By index, because a Proxy could replace `map` or the iterator.
    for (let index = 0; index < list.length; index += 1) {
      if (this.#isFull()) return [...converted, '[more]'];
      converted.push(this.#read(() => list[index], ancestors));
    }
    return converted;
  }

  #convertMap(map: Map<unknown, unknown>, ancestors: readonly object[]): unknown {
    // Not `map.entries()`, because a subclass may override it.
    const entries = [...Map.prototype.entries.call(map)];
    const hasNames = entries.every(([key]) => typeof key === 'string');
    return hasNames
      ? this.#convertEntries(Object.fromEntries(entries), ancestors)
      : this.#convertList(entries, ancestors);
  }

  #convertEntries(value: object, ancestors: readonly object[]): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    for (const name of Object.keys(value)) {
      if (this.#isFull()) {
        entries.push(['…', '[more]']);
        break;
      }
      const isCredential = CREDENTIAL_NAME.test(name);
      entries.push([name, isCredential ? '[hidden]' : this.#read(() => Reflect.get(value, name), ancestors)]);
    }
    return Object.fromEntries(entries);
  }

  #isFull(): boolean {
    this.#valuesLeft -= 1;
    return this.#valuesLeft < 0;
  }

  #read(read: () => unknown, ancestors: readonly object[]): unknown {
    try {
      return this.convert(read(), ancestors);
    } catch {
      return UNREADABLE;
    }
  }
}
