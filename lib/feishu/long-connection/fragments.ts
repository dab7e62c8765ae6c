import { LongConnectionError } from './errors.ts';

/** The position of a fragment in an event that is split over several frames. */
export interface FragmentPosition {
  messageId: string;
  /** The number of fragments. */
  sum: number;
  /** The index of this fragment, from 0. */
  seq: number;
}

interface FragmentSet {
  sum: number;
  payloads: Map<number, Uint8Array>;
  bytes: number;
  discardTimer: NodeJS.Timeout;
}

/** The platform waits 3 s for an acknowledgement, and later sends the whole event again. */
const DISCARD_AFTER_MS = 5_000;
const MAXIMUM_FRAGMENTS = 1_024;
const MAXIMUM_SETS = 128;
/** The total size of all sets. An event larger than a few MiB does not fit into the queue anyway. */
const MAXIMUM_BYTES = 16 * 1024 * 1024;

/** Joins events from fragments that may arrive in any order, with bounded memory. */
export class Fragments {
  readonly #sets = new Map<string, FragmentSet>();
  #bytes = 0;

  /** The number of bytes held for incomplete events. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Adds a fragment. If the limits are exceeded, the oldest incomplete events are discarded.
   *
   * @returns the event's payload if this fragment completes it
   * @throws {LongConnectionError} `FEISHU_FRAGMENT_REFUSED` if it cannot belong to an event
   */
  add({ messageId, sum, seq }: FragmentPosition, payload: Uint8Array): Uint8Array | undefined {
    if (sum > MAXIMUM_FRAGMENTS) throw rejected(`the event has ${sum} fragments, more than ${MAXIMUM_FRAGMENTS}`);
    if (seq >= sum) throw rejected(`fragment ${seq} of an event with ${sum} fragments`);
    if (sum === 1) return payload;
    if (messageId === '') throw rejected('it has no message_id');
    const set = this.#sets.get(messageId) ?? this.#createSet(messageId, sum);
    if (set.sum !== sum) throw rejected(`the event has ${sum} fragments, but ${set.sum} in an earlier fragment`);
    this.#store(set, seq, payload);
    if (set.bytes > MAXIMUM_BYTES) {
      this.#discard(messageId);
      throw rejected(`the event has more than ${MAXIMUM_BYTES} bytes`);
    }
    if (set.payloads.size < sum) {
      this.#enforceLimits();
      return undefined;
    }
    this.#discard(messageId);
    return join(set);
  }

  /** Discards all incomplete events. */
  clear(): void {
    for (const messageId of this.#sets.keys()) this.#discard(messageId);
  }

  #createSet(messageId: string, sum: number): FragmentSet {
    const discardTimer = setTimeout(() => this.#discard(messageId), DISCARD_AFTER_MS);
    const set: FragmentSet = { sum, payloads: new Map(), bytes: 0, discardTimer };
    this.#sets.set(messageId, set);
    return set;
  }

  #store(set: FragmentSet, seq: number, payload: Uint8Array): void {
    const growth = payload.length - (set.payloads.get(seq)?.length ?? 0);
    // Copies the payload: it is a view that would keep its whole WebSocket message in memory.
    set.payloads.set(seq, Uint8Array.from(payload));
    set.bytes += growth;
    this.#bytes += growth;
  }

  #enforceLimits(): void {
    for (const messageId of this.#sets.keys()) {
      if (this.#bytes <= MAXIMUM_BYTES && this.#sets.size <= MAXIMUM_SETS) return;
      this.#discard(messageId);
    }
  }

  #discard(messageId: string): void {
    const set = this.#sets.get(messageId);
    // Stryker disable next-line ConditionalExpression: only existing sets are discarded; the check is for the type
    if (set === undefined) return;
    clearTimeout(set.discardTimer);
    this.#bytes -= set.bytes;
    this.#sets.delete(messageId);
  }
}

/**
 * Reads a fragment's position from a frame's headers. Without `sum` and `seq` the frame contains the whole event.
 *
 * @throws {LongConnectionError} `FEISHU_FRAGMENT_REFUSED` if `sum` or `seq` is not a non-negative integer
 */
export function readPosition(
  messageId: string | undefined,
  sum: string | undefined,
  seq: string | undefined,
): FragmentPosition {
  return { messageId: messageId ?? '', sum: readCount(sum, 1, 'sum'), seq: readCount(seq, 0, 'seq') };
}

function readCount(text: string | undefined, fallback: number, name: string): number {
  if (text === undefined || text === '') return fallback;
  if (!/^\d{1,9}$/.test(text)) throw rejected(`${name} is not a count`);
  return Number(text);
}

function join(set: FragmentSet): Uint8Array {
  const ordered = Array.from({ length: set.sum }, (_, seq) => set.payloads.get(seq) ?? new Uint8Array());
  return Buffer.concat(ordered, set.bytes);
}

function rejected(reason: string): LongConnectionError {
  return new LongConnectionError('FEISHU_FRAGMENT_REFUSED', `Fragment rejected: ${reason}.`);
}
