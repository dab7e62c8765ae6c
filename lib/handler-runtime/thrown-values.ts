import { isProxy } from 'node:util/types';
import { RetryAfter } from '../handler.ts';
import { errorFields, isError } from '../observability/error-fields.ts';

/** Replaces a thrown value that is not an error, or an error that cannot be read. */
class ThrownValue extends Error {
  override readonly name = 'ThrownValue';
}

/**
 * Converts a value that a handler threw to an error that all other code can safely read, compare and log. A handler can
 * throw any value, including a Proxy that throws on `instanceof`.
 *
 * @returns the thrown error itself, such as a `Drop`, if it is readable
 */
export function toSafeError(thrown: unknown): Error {
  if (isReadable(thrown)) return thrown;
  const error = new ThrownValue(errorFields(thrown).error);
  // The stack would show where the value was caught, not where it was thrown.
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

/** A Proxy can return a different value each time it is read. */
function hasProxy(value: unknown): boolean {
  for (let object = value; object != null; object = Object.getPrototypeOf(object)) {
    if (isProxy(object)) return true;
  }
  return false;
}
