export interface DynamoQuotas {
  /** For a new or idle table. */
  initialWritesPerSecond: number;
  /** The quota for a table. */
  maximumWritesPerSecond: number;
}

const PEAK_WINDOW_SECONDS = 30 * 60;

/** A table with on-demand capacity: allows twice the previous peak, updated every 30 minutes. */
export class DynamoTable {
  readonly #quotas: DynamoQuotas;
  #writesPerSecond: number;
  #windowEndsAt = PEAK_WINDOW_SECONDS;
  #second = 0;
  #writesInSecond = 0;
  #peak = 0;
  /** When all previous writes are done. */
  #freeAt = 0;

  constructor(quotas: DynamoQuotas) {
    this.#quotas = quotas;
    this.#writesPerSecond = Math.min(quotas.initialWritesPerSecond, quotas.maximumWritesPerSecond);
  }

  /**
   * @param now seconds, not earlier than in the previous call
   * @returns how many seconds the writes wait, because the AWS SDK retries throttled ones
   */
  write(now: number, count: number): number {
    this.#observe(now, count);
    const seconds = count / this.#writesPerSecond;
    this.#freeAt = Math.max(this.#freeAt, now) + seconds;
    return Math.max(0, this.#freeAt - now - seconds);
  }

  #observe(now: number, count: number): void {
    if (Math.floor(now) > this.#second) {
      this.#peak = Math.max(this.#peak, Math.min(this.#writesInSecond, this.#writesPerSecond));
      this.#second = Math.floor(now);
      this.#writesInSecond = 0;
    }
    this.#writesInSecond += count;
    if (now < this.#windowEndsAt) return;
    this.#windowEndsAt = now + PEAK_WINDOW_SECONDS;
    const doubled = Math.max(this.#writesPerSecond, 2 * this.#peak);
    this.#writesPerSecond = Math.min(doubled, this.#quotas.maximumWritesPerSecond);
    this.#peak = 0;
  }
}
