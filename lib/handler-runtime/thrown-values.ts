import { isProxy } from 'node:util/types';
import { RetryAfter } from '../handler.ts';
import { errorFields, isError } from '../observability/error-fields.ts';

/** Stands for a value that is not an error, or an error that cannot be read. */
class ThrownValue extends Error {
  override readonly name = 'ThrownValue';
}

/**
 * Converts what a handler has thrown to an error that all other code can read, compare and log without a further error.
 * A handler can throw any value, including a Proxy that throws when `instanceof` asks for its prototype.
 *
 * @returns the thrown error itself, such as a `Drop`, if it can be read
 */
export function toSafeError(thrown: unknown): Error {
  if (isReadable(thrown)) return thrown;
  const error = new ThrownValue(errorFields(thrown).error);
  // It would say where the value was caught, not where it was thrown.
  delete error.stack;
  return error;
}

function isReadable(thrown: unknown): thrown is Error {
  try {
    if (hasProxy(thrown) || !isError(thrown)) return false;
    const { name, message, stack, cause: _ } = thrown;
    const areStrings = [name, message, stack ?? ''].every((text) => typeof text === 'string');
    return areStrings && (!(thrown instanceof RetryAfter) || Number.isInteger(thrown.seconds));
  } catch {
    return false;
  }
}

/** A Proxy can answer differently each time it is asked. */
function hasProxy(value: unknown): boolean {
  for (let object = value; object != null; object = Object.getPrototypeOf(object)) {
    if (isProxy(object)) return true;
  }
  return false;
}
