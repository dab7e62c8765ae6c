/** What takes so many at once and so many a second. */
export class TokenBucket {
  readonly #capacity: number;
  readonly #perSecond: number;
  #tokens: number;
  #filledAt = 0;

  constructor(capacity: number, perSecond: number) {
    this.#capacity = capacity;
    this.#perSecond = perSecond;
    this.#tokens = capacity;
  }

  /** @param now seconds; never earlier than in the call before */
  has(now: number): boolean {
    this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#filledAt) * this.#perSecond);
    this.#filledAt = now;
    // Sums of fractions of a second fall short of a whole by a rounding error.
    return this.#tokens >= 1 - 1e-9;
  }

  /** To be called when it has one. */
  take(): void {
    this.#tokens -= 1;
  }
}
