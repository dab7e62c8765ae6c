import { setTimeout as sleep } from 'node:timers/promises';
import { NO_VERSION, StateConflict, type StateKey, type StateStore } from '../state/state-store.ts';

/** The messages of a chat that wait for an answer. */
interface List {
  /** `message_id`s in the order of their arrival. The newest one runs the turn. */
  waiting: string[];
  /** The message whose handler runs. */
  runner?: { id: string; until: number };
}

/** A message, until its turn has ended. */
export interface StoredMessage {
  /** The event. */
  event?: unknown;
  isDone?: boolean;
  /** The turn that the message runs in its last attempt, and later as a dead letter. Other turns exclude it. */
  turn?: string[];
}

export type Start =
  | { state: 'joined'; newest: string | undefined }
  | { state: 'busy' }
  | { state: 'started'; ids: string[] };

/** Longer than a dead letter is kept after its last attempt. */
const KEPT_SECONDS = 30 * 24 * 60 * 60;
/** A worker that was killed holds up the next turn for this long. */
const LEASE_MILLISECONDS = 10_000;
const LONGEST_RETRY_DELAY_MILLISECONDS = 200;

/** The messages of one chat that wait for an answer, which all workers share. Methods throw DynamoDB's errors. */
export class TurnList {
  readonly #store: StateStore;
  readonly #key: StateKey;
  readonly #signal: AbortSignal;

  /** @param key the chat's */
  constructor(store: StateStore, key: StateKey, signal: AbortSignal) {
    this.#store = store;
    this.#key = key;
    this.#signal = signal;
  }

  async readMessage(id: string): Promise<StoredMessage | undefined> {
    const stored = await this.#store.read(this.#messageKey(id), this.#signal);
    return stored && JSON.parse(stored.json);
  }

  async writeMessage(id: string, message: StoredMessage): Promise<void> {
    const options = { expiresInSeconds: KEPT_SECONDS };
    await this.#store.write(this.#messageKey(id), JSON.stringify(message), options, this.#signal);
  }

  /** Adds a message, unless it waits already. */
  async add(id: string): Promise<void> {
    await this.#change((list) => (list.waiting.includes(id) ? list : { ...list, waiting: [...list.waiting, id] }));
  }

  /** Starts the turn of a message if it is the newest one, and no other turn runs. */
  async start(id: string): Promise<Start> {
    let start: Start = { state: 'busy' };
    await this.#change((list) => {
      const { waiting, runner } = list;
      const newest = waiting.at(-1);
      if (newest !== id) start = { state: 'joined', newest };
      else if (runner !== undefined && runner.id !== id && runner.until > Date.now()) start = { state: 'busy' };
      else start = { state: 'started', ids: waiting };
      return start.state === 'started' ? { ...list, runner: leaseOf(id) } : list;
    });
    return start;
  }

  /**
   * Extends the lease of the running turn.
   *
   * @returns the newest message
   */
  async renew(id: string): Promise<string | undefined> {
    const { waiting } = await this.#change((list) =>
      list.runner?.id === id && list.runner.until < Date.now() + LEASE_MILLISECONDS / 2
        ? { ...list, runner: leaseOf(id) }
        : list,
    );
    return waiting.at(-1);
  }

  /** Removes messages, and lets the next turn start. */
  async remove(id: string, ids: readonly string[]): Promise<void> {
    await this.#change((list) => {
      const waiting = list.waiting.filter((one) => !ids.includes(one));
      const isRunner = list.runner?.id === id;
      if (waiting.length === list.waiting.length && !isRunner) return list;
      return { waiting, ...(list.runner !== undefined && !isRunner && { runner: list.runner }) };
    });
  }

  /** Replaces the list on condition that nobody else has. */
  async #change(change: (list: List) => List): Promise<List> {
    for (;;) {
      const stored = await this.#store.read(this.#key, this.#signal);
      const list: List = stored === undefined ? { waiting: [] } : JSON.parse(stored.json);
      const changed = change(list);
      if (changed === list) return list;
      const options = { ifVersion: stored?.version ?? NO_VERSION, expiresInSeconds: KEPT_SECONDS };
      try {
        await this.#store.write(this.#key, JSON.stringify(changed), options, this.#signal);
        return changed;
      } catch (error) {
        if (!(error instanceof StateConflict)) throw error;
        await sleep(Math.random() * LONGEST_RETRY_DELAY_MILLISECONDS, undefined, { signal: this.#signal });
      }
    }
  }

  #messageKey(id: string): StateKey {
    return { ...this.#key, kind: 'message', id };
  }
}

function leaseOf(id: string) {
  return { id, until: Date.now() + LEASE_MILLISECONDS };
}
