const BUCKETS_PER_UNIT = 10;

/** Collects values and computes percentiles with a precision of a tenth of a unit. */
export class Distribution {
  readonly #counts: number[] = [];
  #sum = 0;
  count = 0;
  maximum = 0;

  /** @param value 0 or more */
  add(value: number): void {
    const bucket = Math.floor(value * BUCKETS_PER_UNIT);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.count += 1;
    this.#sum += value;
    if (value > this.maximum) this.maximum = value;
  }

  get mean(): number {
    return this.count === 0 ? 0 : this.#sum / this.count;
  }

  /**
   * @param share from 0 to 1
   * @returns the middle of the percentile's bucket; 0 without values
   */
  percentile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.count));
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket += 1) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= rank) return (bucket + 0.5) / BUCKETS_PER_UNIT;
    }
    return 0;
  }
}
