import { RETRY_LADDER_SECONDS } from './model.ts';

export interface Attempt {
  /** Number of previous attempts. */
  retries: number;
  conversation: number;
}

/** The events that the platform will retry. Each retry delay has its own first-in, first-out queue. */
export class RetryLadder {
  readonly #waits = RETRY_LADDER_SECONDS.map((seconds) => ({
    seconds,
    waiting: [] as { until: number; conversation: number }[],
    first: 0,
  }));
  lost = 0;

  /** Time of the next retry; infinity if there is none. */
  get time(): number {
    return Math.min(...this.#waits.map(({ waiting, first }) => waiting[first]?.until ?? Number.POSITIVE_INFINITY));
  }

  failed(now: number, { retries, conversation }: Attempt): void {
    const wait = this.#waits[retries];
    if (wait === undefined) this.lost += 1;
    else wait.waiting.push({ until: now + wait.seconds, conversation });
  }

  /**
   * Removes and returns the next retry.
   *
   * @throws {RangeError} if there is none
   */
  next(): Attempt {
    const { time } = this;
    const retries = this.#waits.findIndex(({ waiting, first }) => waiting[first]?.until === time);
    const wait = this.#waits[retries];
    const entry = wait?.waiting[wait.first];
    if (wait === undefined || entry === undefined) throw new RangeError('There is no event to retry');
    wait.first += 1;
    return { retries: retries + 1, conversation: entry.conversation };
  }
}
