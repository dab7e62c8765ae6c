import { RETRY_LADDER_SECONDS } from './model.ts';

export interface Attempt {
  /** How often the platform has sent the event before. */
  retries: number;
  conversation: number;
}

/** The events that the platform will send again. Each of its waits is a queue: who began it first ends it first. */
export class RetryLadder {
  readonly #waits = RETRY_LADDER_SECONDS.map((seconds) => ({
    seconds,
    waiting: [] as { until: number; conversation: number }[],
    first: 0,
  }));
  lost = 0;

  /** When the next event is sent again; infinity when none will be. */
  get time(): number {
    return Math.min(...this.#waits.map(({ waiting, first }) => waiting[first]?.until ?? Number.POSITIVE_INFINITY));
  }

  failed(now: number, { retries, conversation }: Attempt): void {
    const wait = this.#waits[retries];
    if (wait === undefined) this.lost += 1;
    else wait.waiting.push({ until: now + wait.seconds, conversation });
  }

  /** @returns the next event to send again, which must exist */
  next(): Attempt {
    const { time } = this;
    const retries = this.#waits.findIndex(({ waiting, first }) => waiting[first]?.until === time);
    const wait = this.#waits[retries];
    const entry = wait?.waiting[wait.first];
    if (wait === undefined || entry === undefined) throw new RangeError('There is no event to send again');
    wait.first += 1;
    return { retries: retries + 1, conversation: entry.conversation };
  }
}
