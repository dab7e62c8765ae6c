/** A token bucket: limits the rate and the burst. */
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

  /** @param now seconds, not earlier than in the previous call */
  has(now: number): boolean {
    this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#filledAt) * this.#perSecond);
    this.#filledAt = now;
    // Allows for the rounding error of adding fractions.
    return this.#tokens >= 1 - 1e-9;
  }

  /** Takes a token. Call only if {@link has} returns `true`. */
  take(): void {
    this.#tokens -= 1;
  }
}
