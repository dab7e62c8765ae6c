/** Whose state it is. `turn`: the messages of a chat that wait for an answer. `message`: one of them. */
export interface StateKey {
  app: string | undefined;
  tenant: string | undefined;
  kind: 'chat' | 'user' | 'turn' | 'message';
  /** A `chat_id`, `open_id` or `message_id`. */
  id: string;
}

export interface StoredState {
  /** JSON */
  json: string;
  version: string;
}

export interface StateStore {
  read(key: StateKey, signal: AbortSignal): Promise<StoredState | undefined>;
  /**
   * @param options.ifVersion only if this is the current version; `none` if there must be no state
   * @returns the new version
   * @throws {StateConflict}
   */
  write(
    key: StateKey,
    json: string,
    options: { ifVersion?: string | undefined; expiresInSeconds?: number | undefined },
    signal: AbortSignal,
  ): Promise<string>;
  /** @throws {StateConflict} */
  delete(key: StateKey, options: { ifVersion?: string | undefined }, signal: AbortSignal): Promise<void>;
}

/** The version of a state that does not exist. */
export const NO_VERSION = 'none';

/** The member of a context that replaces the table in a test. */
export const STATE_STORE = Symbol('state store');

/** The state has another version than the expected one. If the handler throws it, the event is retried. */
export class StateConflict extends Error {
  override readonly name = 'StateConflict';

  constructor({ kind, id }: StateKey) {
    super(
      `The state of the ${kind} ${id} has changed since it was read. Throw this error, so that the next attempt at the ` +
        'event reads the new state, or read it again.',
    );
  }
}
