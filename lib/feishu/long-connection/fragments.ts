import { LongConnectionError } from './errors.ts';

/** Where a payload belongs in an event that was cut up. */
export interface FragmentPosition {
  messageId: string;
  /** How many fragments there are. */
  sum: number;
  /** Which one it is, from 0. */
  seq: number;
}

interface FragmentSet {
  sum: number;
  payloads: Map<number, Uint8Array>;
  bytes: number;
  forget: NodeJS.Timeout;
}

/** The platform gives an event 3 s, so that what is not complete by now will be sent again as a whole. */
const FORGET_AFTER_MS = 5_000;
const MAXIMUM_SUM = 1_024;
const MAXIMUM_SETS = 128;
/** Of all sets together. An event beyond a few MiB fits no queue. */
const MAXIMUM_BYTES = 16 * 1024 * 1024;

/** Puts events together that came in fragments, in whichever order they arrive, within bounded memory. */
export class Fragments {
  readonly #sets = new Map<string, FragmentSet>();
  #bytes = 0;

  /** Bytes held for events that are not complete. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes a fragment. Beyond the memory allowed, the oldest incomplete events are forgotten.
   *
   * @returns the event's payload when this fragment completes it
   * @throws {LongConnectionError} `FEISHU_FRAGMENT_REFUSED` when it can belong to no event
   */
  add({ messageId, sum, seq }: FragmentPosition, payload: Uint8Array): Uint8Array | undefined {
    if (sum > MAXIMUM_SUM) throw refused(`an event of ${sum} fragments, more than ${MAXIMUM_SUM}`);
    if (seq >= sum) throw refused(`fragment ${seq} of an event of ${sum}`);
    if (sum === 1) return payload;
    if (messageId === '') throw refused('no message_id tells which event it belongs to');
    const set = this.#sets.get(messageId) ?? this.#begin(messageId, sum);
    if (set.sum !== sum) throw refused(`fragment of an event of ${sum}, which was an event of ${set.sum} before`);
    this.#keep(set, seq, payload);
    if (set.bytes > MAXIMUM_BYTES) {
      this.#forget(messageId);
      throw refused(`an event of more than ${MAXIMUM_BYTES} bytes`);
    }
    if (set.payloads.size < sum) {
      this.#makeRoom();
      return undefined;
    }
    this.#forget(messageId);
    return join(set);
  }

  /** Forgets everything. */
  clear(): void {
    for (const messageId of this.#sets.keys()) this.#forget(messageId);
  }

  #begin(messageId: string, sum: number): FragmentSet {
    const forget = setTimeout(() => this.#forget(messageId), FORGET_AFTER_MS);
    const set: FragmentSet = { sum, payloads: new Map(), bytes: 0, forget };
    this.#sets.set(messageId, set);
    return set;
  }

  #keep(set: FragmentSet, seq: number, payload: Uint8Array): void {
    const growth = payload.length - (set.payloads.get(seq)?.length ?? 0);
    // A copy: the payload is a view that would keep all of its WebSocket message alive.
    set.payloads.set(seq, Uint8Array.from(payload));
    set.bytes += growth;
    this.#bytes += growth;
  }

  #makeRoom(): void {
    for (const messageId of this.#sets.keys()) {
      if (this.#bytes <= MAXIMUM_BYTES && this.#sets.size <= MAXIMUM_SETS) return;
      this.#forget(messageId);
    }
  }

  #forget(messageId: string): void {
    const set = this.#sets.get(messageId);
    // Stryker disable next-line ConditionalExpression: only sets that are there are forgotten; the check is for the type
    if (set === undefined) return;
    clearTimeout(set.forget);
    this.#bytes -= set.bytes;
    this.#sets.delete(messageId);
  }
}

/**
 * Reads a fragment's position from a frame's headers. Without `sum` and `seq` the frame is the whole event.
 *
 * @throws {LongConnectionError} `FEISHU_FRAGMENT_REFUSED` when they are no positive count and no index
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
  if (!/^\d{1,9}$/.test(text)) throw refused(`${name} is no count`);
  return Number(text);
}

function join(set: FragmentSet): Uint8Array {
  const ordered = Array.from({ length: set.sum }, (_, seq) => set.payloads.get(seq) ?? new Uint8Array());
  return Buffer.concat(ordered, set.bytes);
}

function refused(what: string): LongConnectionError {
  return new LongConnectionError('FEISHU_FRAGMENT_REFUSED', `A fragment is refused: ${what}.`);
}
