/** What is to happen, by its time: a binary heap. What happens at one time happens in the order it was added in. */
export class EventQueue<Event> {
  readonly #entries: { time: number; order: number; event: Event }[] = [];
  #added = 0;

  /** When the next event happens; infinity when none will. */
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

  /** @returns the next event, which must exist */
  next(): Event {
    const entries = this.#entries;
    const [first] = entries;
    const last = entries.pop();
    if (first === undefined || last === undefined) throw new RangeError('There is no event');
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
