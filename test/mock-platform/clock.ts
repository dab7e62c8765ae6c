/** The platform's clock. A fake one lets hours of retries pass at once. */
export interface Clock {
  /** @returns a function that cancels the action */
  schedule(afterMs: number, action: () => void): () => void;
}

/** The system clock. */
export const realClock: Clock = {
  schedule(afterMs, action) {
    // A retry due in six hours must not keep the process alive.
    const timer = setTimeout(action, afterMs).unref();
    return () => clearTimeout(timer);
  },
};

/** A clock that advances only when told to. */
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

  /** Advances the time and runs the actions that fall due, in order. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    while (this.advanceToNext(untilMs));
    this.#nowMs = untilMs;
  }

  /**
   * Advances the time to the next action and runs it.
   *
   * @returns whether an action was due by `untilMs`
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
