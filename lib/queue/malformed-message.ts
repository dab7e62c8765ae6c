/** The message can never be handled: it goes to the dead-letter queue without backoff. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}
