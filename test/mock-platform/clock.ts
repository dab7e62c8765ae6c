/** Time as the platform sees it: it makes hours of retries pass at once. */
export interface Clock {
  /** @returns what cancels it */
  schedule(afterMs: number, action: () => void): () => void;
}

/** The computer's own time. */
export const realClock: Clock = {
  schedule(afterMs, action) {
    // A retry that is due in six hours keeps no process alive.
    const timer = setTimeout(action, afterMs).unref();
    return () => clearTimeout(timer);
  },
};

/** Stands still until it is told otherwise. */
export class FakeClock implements Clock {
  #nowMs = 0;
  readonly #scheduled = new Set<{ dueMs: number; action: () => void }>();

  get nowMs(): number {
    return this.#nowMs;
  }

  schedule(afterMs: number, action: () => void): () => void {
    const entry = { dueMs: this.#nowMs + afterMs, action };
    this.#scheduled.add(entry);
    return () => this.#scheduled.delete(entry);
  }

  /** Lets time pass; what falls due on the way happens in its order. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    while (this.advanceToNext(untilMs));
    this.#nowMs = untilMs;
  }

  /**
   * Lets time pass until one thing happened.
   *
   * @returns whether there was one by `untilMs`
   */
  advanceToNext(untilMs: number): boolean {
    const next = this.#next();
    if (next === undefined || next.dueMs > untilMs) return false;
    this.#scheduled.delete(next);
    this.#nowMs = next.dueMs;
    next.action();
    return true;
  }

  #next() {
    let next: { dueMs: number; action: () => void } | undefined;
    for (const entry of this.#scheduled) if (next === undefined || entry.dueMs < next.dueMs) next = entry;
    return next;
  }
}
