/**
 * Limits how much work runs at a time, in order of arrival. Thousands of events can arrive at once; if all of them
 * started together, all of them would finish late.
 */
export class ConcurrencyLimit {
  readonly #maximum: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** @returns the result of the work, which starts as soon as the limit allows */
  async run<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.#running < this.#maximum) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // Hands its slot to the next in line, so that later work cannot overtake it.
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
