/** A message that can never be processed. It goes to the dead-letter queue without backoff. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}
