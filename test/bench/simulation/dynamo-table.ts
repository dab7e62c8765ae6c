export interface DynamoQuotas {
  /** Of a table that is new, or that had little to do. */
  initialWritesPerSecond: number;
  /** The most of a table, unless the quota is raised. */
  maximumWritesPerSecond: number;
}

const PEAK_WINDOW_SECONDS = 30 * 60;

/** A table with on-demand capacity: it takes twice its previous peak, which it looks at every half an hour. */
export class DynamoTable {
  readonly #quotas: DynamoQuotas;
  #writesPerSecond: number;
  #windowEndsAt = PEAK_WINDOW_SECONDS;
  #second = 0;
  #writesInSecond = 0;
  #peak = 0;
  /** When all writes so far are done. */
  #freeAt = 0;

  constructor(quotas: DynamoQuotas) {
    this.#quotas = quotas;
    this.#writesPerSecond = Math.min(quotas.initialWritesPerSecond, quotas.maximumWritesPerSecond);
  }

  /**
   * @param now seconds; never earlier than in the call before
   * @returns the seconds that the writes wait for, as the AWS SDK tries throttled ones again
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
