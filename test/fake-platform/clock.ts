/** Time as the platform sees it: it makes hours of retries pass at once. */
export interface Clock {
  /** @returns what cancels it */
  schedule(afterMs: number, action: () => void): () => void;
}

/** The computer's own time. */
export const realClock: Clock = {
  schedule(afterMs, action) {
    const timer = setTimeout(action, afterMs);
    return () => clearTimeout(timer);
  },
};

/** Stands still until it is told otherwise. */
export class FakeClock implements Clock {
  #nowMs = 0;
  readonly #scheduled = new Set<{ dueMs: number; action: () => void }>();

  schedule(afterMs: number, action: () => void): () => void {
    const entry = { dueMs: this.#nowMs + afterMs, action };
    this.#scheduled.add(entry);
    return () => this.#scheduled.delete(entry);
  }

  /** Lets time pass; what falls due on the way happens in its order. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.#scheduled.delete(next);
      this.#nowMs = next.dueMs;
      next.action();
    }
    this.#nowMs = untilMs;
  }

  #next(untilMs: number) {
    const due = [...this.#scheduled].filter(({ dueMs }) => dueMs <= untilMs);
    return due.sort((left, right) => left.dueMs - right.dueMs)[0];
  }
}
