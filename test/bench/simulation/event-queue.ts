/** A priority queue (binary heap) of events by time. Events with the same time keep the order in which they were added. */
export class EventQueue<Event> {
  readonly #entries: { time: number; order: number; event: Event }[] = [];
  #added = 0;

  /** Time of the next event; infinity if there is none. */
  get time(): number {
    return this.#entries[0]?.time ?? Number.POSITIVE_INFINITY;
  }

  add(time: number, event: Event): void {
    const entries = this.#entries;
    const entry = { time, order: this.#added++, event };
    let index = entries.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = entries[parent] as typeof entry;
      if (!isBefore(entry, above)) break;
      entries[index] = above;
      index = parent;
    }
    entries[index] = entry;
  }

  /**
   * Removes and returns the next event.
   *
   * @throws {RangeError} if the queue is empty
   */
  next(): Event {
    const entries = this.#entries;
    const [first] = entries;
    const last = entries.pop();
    if (first === undefined || last === undefined) throw new RangeError('The queue is empty');
    if (entries.length === 0) return first.event;
    let index = 0;
    while (true) {
      let child = 2 * index + 1;
      const left = entries[child];
      const right = entries[child + 1];
      if (left === undefined) break;
      let smaller = left;
      if (right !== undefined && isBefore(right, left)) {
        smaller = right;
        child += 1;
      }
      if (!isBefore(smaller, last)) break;
      entries[index] = smaller;
      index = child;
    }
    entries[index] = last;
    return first.event;
  }
}

type Timed = { time: number; order: number };

function isBefore(one: Timed, other: Timed): boolean {
  return one.time < other.time || (one.time === other.time && one.order < other.order);
}
