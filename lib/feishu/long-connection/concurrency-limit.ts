/**
 * Lets work begin in the order it comes, so much of it at a time. Events can come by the thousand at once: were all
 * begun at once, all would end late.
 */
export class ConcurrencyLimit {
  readonly #maximum: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** @returns what the work returns, once it has had its turn */
  async take<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.#running < this.#maximum) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // The turn is handed on, so that nobody comes in between.
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
